import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  gapSchema,
  HoldfastError,
  listedFolderSchema,
  listedItemSchema,
  restorePointRecordSchema,
} from '@holdfast/contracts';
import type { Response } from 'express';
import { z } from 'zod';
import { safeFileName } from '../domain/safeFileName.ts';
import { afterOf, decodeCursor, encodeCursor, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { joinedId, sourceId } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';
import { exploreTimeoutMs, viewOfPoint } from './pointView.ts';

const tag = 'restore points';
const params = z.object({ pointId: joinedId });

/** A page of a whole list; the cursor is the number of entries before it. */
function slice<T>(
  all: readonly T[],
  limit: number,
  after: string | undefined,
): { items: T[]; next?: string } {
  const [from] = after === undefined ? [0] : decodeCursor(z.tuple([z.number().int().min(0)]), after);
  const items = all.slice(from, from + limit);
  return from + limit < all.length ? { items, next: encodeCursor(from + limit) } : { items };
}

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restore-points/{pointId}',
    operationId: 'getRestorePoint',
    tag,
    summary: 'Show a restore point',
    params,
    responses: { 200: { description: 'The restore point', schema: restorePointRecordSchema } },
    async handler({ params: { pointId } }) {
      return { body: (await lookUp(ports.collections.restorePoints, 'restore point', pointId)).doc };
    },
  });

const folders = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restore-points/{pointId}/folders',
    operationId: 'listFolders',
    tag,
    summary: 'List the folders of a restore point, read from its repository',
    params,
    query: z.strictObject({ ...pageQuery, limit: pageQuery.limit.unwrap().default(1000) }),
    responses: { 200: { description: 'A page', schema: pageOf(listedFolderSchema) } },
    async handler({ params: { pointId }, query: { limit, after } }) {
      const view = await viewOfPoint(ports, pointId);
      const reply = await ports.ask('exploreFolders', view, { timeoutMs: exploreTimeoutMs });
      return { body: slice(reply.folders, limit, after) };
    },
  });

const items = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restore-points/{pointId}/folders/{folderId}/items',
    operationId: 'listItems',
    tag,
    summary: 'List the items of a folder, newest first',
    params: params.extend({ folderId: sourceId }),
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(listedItemSchema) } },
    async handler({ params: { pointId, folderId }, query: { limit, after } }) {
      const view = await viewOfPoint(ports, pointId);
      const question = { ...view, folderId, limit, ...afterOf(after) };
      return { body: await ports.ask('exploreItems', question, { timeoutMs: exploreTimeoutMs }) };
    },
  });

const gaps = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restore-points/{pointId}/gaps',
    operationId: 'listGaps',
    tag,
    summary: 'List the items known to exist and not stored',
    params,
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(gapSchema) } },
    async handler({ params: { pointId }, query: { limit, after } }) {
      const view = await viewOfPoint(ports, pointId);
      const reply = await ports.ask('exploreGaps', view, { timeoutMs: exploreTimeoutMs });
      return { body: slice(reply.gaps, limit, after) };
    },
  });

interface MimeSlice {
  size: number;
  sha256: string;
  bytes: Buffer;
}

type ReadSlice = (offset: number) => Promise<MimeSlice>;

/** Sends the slices one after the other, at the pace of the receiver, and proves the whole by its hash. */
async function sendMime(first: MimeSlice, read: ReadSlice, response: Response): Promise<void> {
  const hash = createHash('sha256');
  let sent = 0;
  for (let slice = first; ; slice = await read(sent)) {
    const { bytes } = slice;
    if (bytes.length === 0 && sent < first.size) throw cutShort('the item ended early');
    hash.update(bytes);
    sent += bytes.length;
    if (sent > first.size) throw cutShort('the item is longer than it said');
    // The last slice is held back until the hash is proven, so that a wrong whole never arrives complete.
    if (sent === first.size && hash.digest('hex') !== first.sha256.toLowerCase()) {
      throw cutShort('the bytes read are not those that were stored');
    }
    if (!response.write(bytes) && sent < first.size)
      await Promise.race([once(response, 'drain'), once(response, 'close')]);
    if (sent === first.size) break;
    if (response.destroyed) return;
  }
  response.end();
}

const cutShort = (message: string): HoldfastError =>
  new HoldfastError('mime-not-proven', 'ours', message, { remedy: 'Verify the repository.' });

const mime = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/restore-points/{pointId}/folders/{folderId}/items/{itemKey}/mime',
    operationId: 'exportItem',
    audited: true,
    tag,
    summary: 'The message as it was stored, byte for byte',
    params: params.extend({ folderId: sourceId, itemKey: sourceId }),
    responses: {
      200: {
        description: 'The message; the connection is cut when its hash does not hold',
        contentType: 'message/rfc822',
        headers: { ETag: 'SHA-256 of the message', 'Content-Disposition': 'A safe file name' },
      },
    },
    async handler({ params: { pointId, folderId, itemKey } }) {
      const view = await viewOfPoint(ports, pointId);
      const read: ReadSlice = async (offset) => {
        const question = { ...view, folderId, itemKey, offset };
        const reply = await ports.ask('exploreMime', question, { timeoutMs: exploreTimeoutMs });
        return { size: reply.size, sha256: reply.sha256, bytes: Buffer.from(reply.data, 'base64') };
      };
      // Before any header is sent, so that a missing item is a proper problem.
      const first = await read(0);
      return {
        async stream(request, response) {
          response.set({
            'content-type': 'message/rfc822',
            'content-length': String(first.size),
            'content-disposition': `attachment; filename="${safeFileName(itemKey)}.eml"`,
            etag: `"${first.sha256}"`,
          });
          if (request.method === 'HEAD') response.end();
          else await sendMime(first, read, response);
        },
      };
    },
  });

export const restorePointRoutes = (ports: ApiPorts): Route[] =>
  [get, folders, items, gaps, mime].map((make) => make(ports));
