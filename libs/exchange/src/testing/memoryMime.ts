import { hash } from 'node:crypto';
import type { JsonObject } from '@holdfast/contracts';
import { objectOf, peopleOf, personOf, textOf } from '../message/graphMessage.ts';

export interface MemoryAttachment {
  name: string;
  data: Uint8Array;
  contentType?: string;
  isInline?: boolean;
  contentId?: string;
  /** Served beside the MIME and not in it. */
  extra?: boolean;
}

const quote = (text: string): string => text.replace(/["\r\n]/g, ' ');

const base64Lines = (data: Uint8Array): string =>
  (
    Buffer.from(data)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n');

function attachmentPart(attachment: MemoryAttachment): string {
  const disposition = attachment.isInline === true ? 'inline' : 'attachment';
  return [
    `Content-Type: ${attachment.contentType ?? 'application/octet-stream'}; name="${quote(attachment.name)}"`,
    `Content-Disposition: ${disposition}; filename="${quote(attachment.name)}"`,
    ...(attachment.contentId === undefined ? [] : [`Content-ID: <${attachment.contentId}>`]),
    'Content-Transfer-Encoding: base64',
    '',
    base64Lines(attachment.data),
  ].join('\r\n');
}

/** A plain RFC 5322 message of the fields; part `1` is the text, attachments follow as `2`, `3`, … */
export function mimeOf(message: JsonObject, attachments: readonly MemoryAttachment[]): Uint8Array {
  const carried = attachments.filter((attachment) => attachment.extra !== true);
  const text = textOf(objectOf(message.body).content).replace(/\r?\n/g, '\r\n');
  const head = [
    `From: ${personOf(message.from).address}`,
    `To: ${peopleOf(message.toRecipients)
      .map((p) => p.address)
      .join(', ')}`,
    `Subject: ${textOf(message.subject).replace(/[\r\n]+/g, ' ')}`,
    `Date: ${new Date(textOf(message.sentDateTime)).toUTCString()}`,
    `Message-ID: ${textOf(message.internetMessageId)}`,
    'MIME-Version: 1.0',
  ];
  if (carried.length === 0) {
    return Buffer.from([...head, 'Content-Type: text/plain; charset=utf-8', '', text, ''].join('\r\n'));
  }
  const boundary = `=_${hash('sha256', textOf(message.internetMessageId)).slice(0, 24)}`;
  const parts = [`Content-Type: text/plain; charset=utf-8\r\n\r\n${text}`, ...carried.map(attachmentPart)];
  return Buffer.from(
    [
      ...head,
      `Content-Type: multipart/mixed; boundary="${boundary}"`,
      '',
      ...parts.map((part) => `--${boundary}\r\n${part}`),
      `--${boundary}--`,
      '',
    ].join('\r\n'),
  );
}
