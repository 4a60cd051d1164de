import { once } from 'node:events';
import {
  type ExportInput,
  exportFileSchema,
  exportInputSchema,
  type RestoreInput,
  type RestoreSession,
  restoreInputSchema,
  restoreSessionSchema,
} from '@holdfast/contracts';
import type { Response } from 'express';
import { z } from 'zod';
import { idempotencyHeader, requestedId } from '../domain/idempotency.ts';
import { requestedRestore } from '../domain/requestedRestore.ts';
import { safeFileName } from '../domain/safeFileName.ts';
import { NotFound } from '../errors.ts';
import { pageOf } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { lookUp } from './lookUp.ts';
import { bodyLimitBytes, gatherFacts, insertOnce, offerRestore, sessionParams } from './restoreRequests.ts';

const tag = 'restores';
const askTimeoutMs = 30_000;

/** The selection as a restore has it, and how it is written. */
function partsOf({ format, splitBytes, withProperties, ...selected }: ExportInput): {
  input: RestoreInput;
  options: NonNullable<RestoreSession['exportOptions']>;
} {
  return { input: restoreInputSchema.parse(selected), options: { format, splitBytes, withProperties } };
}

const start = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/exports',
    operationId: 'startExport',
    tag,
    summary: 'Write mailboxes, folders or items as files: EML, zip, MBOX or JSON',
    description:
      'The same selection as a restore. The files lie on the restore worker and can be downloaded until they expire; a manifest has the SHA-256 of each message. Nothing is written to any mailbox. Its progress is that of a restore session.',
    body: exportInputSchema,
    bodyLimitBytes,
    headers: [idempotencyHeader],
    responses: {
      201: { description: 'Requested; a restore worker takes it', schema: restoreSessionSchema },
      200: { description: 'Requested before with the same Idempotency-Key', schema: restoreSessionSchema },
    },
    async handler({ body, caller, header }) {
      const { input, options } = partsOf(body);
      const id = requestedId('export', header('idempotency-key'), caller.tokenId);
      const at = new Date(ports.clock.now()).toISOString();
      const facts = await gatherFacts(ports, 'export', input);
      const wanted = requestedRestore(facts, { id, by: caller.name, at, pool: ports.pool });
      const asked = { ...wanted.session, exportOptions: options };
      const { session, made } = await insertOnce(ports, asked, wanted.parts);
      const { organizationId, mailboxId, requestedBy } = session;
      const data = { sessionId: session.id, organizationId, mailboxId, requestedBy };
      await announce(ports, 'restore.requested', session.id, session.id, data);
      if (session.state === 'requested') void offerRestore(ports, session, 'requested');
      return { status: made ? 201 : 200, body: session, headers: { location: `restores/${session.id}` } };
    },
  });

async function exportOf(ports: ApiPorts, sessionId: string): Promise<RestoreSession> {
  const { doc } = await lookUp(ports.collections.restoreSessions, 'export', sessionId);
  if (doc.kind === 'export') return doc;
  throw new NotFound('export', sessionId);
}

const files = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/exports/{sessionId}/files',
    operationId: 'listExportFiles',
    tag,
    summary: 'The files of an export; whole ones only, also while it runs',
    params: z.object(sessionParams),
    responses: { 200: { description: 'All of them', schema: pageOf(exportFileSchema) } },
    async handler({ params: { sessionId } }) {
      await exportOf(ports, sessionId);
      const reply = await ports.ask('exportFiles', { sessionId }, { timeoutMs: askTimeoutMs });
      return { body: { items: reply.files } };
    },
  });

interface Slice {
  size: number;
  bytes: Buffer;
}

/** Sends slices at the pace of the receiver; a file that ends early cuts the connection, so that it is noticed. */
async function send(
  first: Slice,
  read: (offset: number) => Promise<Slice>,
  response: Response,
): Promise<void> {
  let sent = 0;
  for (let slice = first; sent < first.size; slice = await read(sent)) {
    if (slice.bytes.length === 0 || slice.size !== first.size) {
      response.destroy();
      return;
    }
    sent += slice.bytes.length;
    if (!response.write(slice.bytes)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    if (response.destroyed) return;
    if (sent >= first.size) break;
  }
  response.end();
}

const ending = (name: string): string => /\.([a-z0-9]{1,8})$/i.exec(name)?.[1] ?? 'bin';

const download = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/exports/{sessionId}/file',
    operationId: 'downloadExportFile',
    audited: true,
    tag,
    summary: 'Download a file of an export',
    params: z.object(sessionParams),
    query: z.strictObject({ name: z.string().min(1).max(4_000) }),
    responses: { 200: { description: 'The file', contentType: 'application/octet-stream' } },
    async handler({ params: { sessionId }, query: { name } }) {
      await exportOf(ports, sessionId);
      const read = async (offset: number): Promise<Slice> => {
        const question = { sessionId, name, offset };
        const { size, data } = await ports.ask('exportSlice', question, { timeoutMs: askTimeoutMs });
        return { size, bytes: Buffer.from(data, 'base64') };
      };
      const first = await read(0);
      const fileName = `${safeFileName(name.replace(/\.[^.]*$/, ''))}.${ending(name)}`;
      return {
        async stream(request, response) {
          response.set({
            'content-type': 'application/octet-stream',
            'content-length': String(first.size),
            'content-disposition': `attachment; filename="${fileName}"`,
            'x-content-type-options': 'nosniff',
          });
          if (request.method === 'HEAD') response.end();
          else await send(first, read, response);
        },
      };
    },
  });

export const exportRoutes = (ports: ApiPorts): Route[] => [start, files, download].map((make) => make(ports));
