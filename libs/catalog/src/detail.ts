import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { Texts } from './searchTerms.ts';

/** The texts of an item that lists do not need, packed for keeping. */
export type Detail = Pick<Texts, 'to' | 'attachments' | 'body'>;

export function packDetail({ to, attachments, body }: Detail): Uint8Array {
  return zstdCompressSync(Buffer.from(JSON.stringify([to, attachments, body]), 'utf8'));
}

export function unpackDetail(bytes: Uint8Array): Detail {
  const [to, attachments, body] = JSON.parse(zstdDecompressSync(bytes).toString('utf8')) as [
    string,
    string[],
    string,
  ];
  return { to, attachments, body };
}
