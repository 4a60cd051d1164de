import { once } from 'node:events';
import { previewSchema } from '@holdfast/contracts';
import type { Response } from 'express';
import { z } from 'zod';
import { type Route, route } from '../http/route.ts';
import { joinedId, sourceId } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { exploreTimeoutMs, viewOfPoint } from './pointView.ts';

const tag = 'explore';
const params = z.object({ pointId: joinedId, folderId: sourceId, itemKey: sourceId });
const path = '/restore-points/{pointId}/folders/{folderId}/items/{itemKey}';
const timeout = { timeoutMs: exploreTimeoutMs };

/**
 * What a mail may do in a browser: nothing. No script, no form, no frame, nothing from anywhere; pictures only out of
 * the page itself.
 */
const mailPolicy =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox";

const preview = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: `${path}/preview`,
    operationId: 'previewItem',
    tag,
    summary: 'Look at an item: people, headers, text, attachments',
    params,
    responses: { 200: { description: 'The item', schema: previewSchema } },
    async handler({ params: { pointId, ...place } }) {
      const view = await viewOfPoint(ports, pointId);
      return { body: await ports.ask('previewItem', { ...view, ...place }, timeout) };
    },
  });

/** Sends slices one after the other, at the pace of the receiver. */
async function send(
  first: { data: string; end: boolean },
  read: (offset: number) => Promise<{ data: string; end: boolean }>,
  response: Response,
): Promise<void> {
  let sent = 0;
  for (let slice = first; ; slice = await read(sent)) {
    const bytes = Buffer.from(slice.data, 'base64');
    sent += bytes.length;
    if (bytes.length > 0 && !response.write(bytes))
      await Promise.race([once(response, 'drain'), once(response, 'close')]);
    if (slice.end) break;
    if (response.destroyed) return;
    // An answer that neither ends nor goes on would never end.
    if (bytes.length === 0) return void response.destroy();
  }
  response.end();
}

const html = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: `${path}/html`,
    operationId: 'showItemHtml',
    tag,
    summary: 'The item as a page that is safe to be shown: no script, nothing from elsewhere',
    params,
    responses: {
      200: {
        description: 'A page of its own; pictures of the message are inside',
        contentType: 'text/html',
        headers: { 'Content-Security-Policy': 'Forbids everything but what is inside' },
      },
    },
    async handler({ params: { pointId, ...place } }) {
      const view = await viewOfPoint(ports, pointId);
      const question = { ...view, ...place, content: { kind: 'html' as const } };
      const read = (offset: number) => ports.ask('itemContent', { ...question, offset }, timeout);
      // Before any header is sent, so that a missing item is a proper problem.
      const first = await read(0);
      return {
        async stream(request, response) {
          response.set({
            'content-type': 'text/html; charset=utf-8',
            'content-security-policy': mailPolicy,
            'x-content-type-options': 'nosniff',
            'referrer-policy': 'no-referrer',
            'cache-control': 'private, no-store',
          });
          if (request.method === 'HEAD') response.end();
          else await send(first, read, response);
        },
      };
    },
  });

/** A download's header: a plain name for everybody, the whole one for those who read RFC 5987. */
export function dispositionOf(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/[^A-Za-z0-9._ ()-]/g, '_')
    .slice(0, 150);
  const whole = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*!]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${whole}`;
}

const attachment = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: `${path}/attachments/{attachment}`,
    operationId: 'downloadAttachment',
    tag,
    summary: 'An attachment, as it was sent',
    params: params.extend({ attachment: z.string().min(1).max(1200) }),
    responses: {
      200: {
        description: 'Its bytes; never opened, and never shown in place',
        contentType: 'application/octet-stream',
        headers: { 'Content-Disposition': 'attachment with a safe file name' },
      },
    },
    async handler({ params: { pointId, attachment: partPath, ...place } }) {
      const view = await viewOfPoint(ports, pointId);
      const question = { ...view, ...place, content: { kind: 'attachment' as const, path: partPath } };
      const read = (offset: number) => ports.ask('itemContent', { ...question, offset }, timeout);
      const first = await read(0);
      return {
        async stream(request, response) {
          response.set({
            // Whatever the sender called it: a browser is not to guess.
            'content-type': 'application/octet-stream',
            'content-disposition': dispositionOf(first.attachment?.name ?? 'attachment'),
            'x-content-type-options': 'nosniff',
            'content-security-policy': "default-src 'none'; sandbox",
            'cache-control': 'private, no-store',
          });
          if (request.method === 'HEAD') response.end();
          else await send(first, read, response);
        },
      };
    },
  });

export const previewRoutes = (ports: ApiPorts): Route[] =>
  [preview, html, attachment].map((make) => make(ports));
