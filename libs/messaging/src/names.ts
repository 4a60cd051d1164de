import { createHash } from 'node:crypto';
import type { TaskKind } from '@holdfast/contracts';

/** Names of streams, consumers and buckets below a prefix. */
export interface Names {
  readonly prefix: string;
  readonly events: string;
  readonly tasks: string;
  subject(below: string): string;
  bucket(name: string): string;
}

export const namesBelow = (prefix: string): Names => ({
  prefix,
  events: `${prefix}-EVENTS`,
  tasks: `${prefix}-TASKS`,
  subject: (below) => `${prefix}.${below}`,
  bucket: (name) => `${prefix}-${name}`,
});

/** Durable name of an owner's consumer. Ids have no `=`, so different owners never share a name. */
export const taskConsumerName = (kind: TaskKind, pool: string, owner: string): string =>
  owner === '*' ? `${kind}=${pool}==all` : `${kind}=${pool}=${owner}`;

/** Durable name of an event consumer for one of its filters. */
export function eventConsumerName(durable: string, filter: string): string {
  const hash = createHash('sha256').update(filter).digest('hex').slice(0, 10);
  return `${durable.replaceAll(/[^A-Za-z0-9_-]/g, '-')}=${hash}`;
}

const plain = /[A-Za-z0-9_/-]/;

/**
 * A key as buckets take it (letters, digits, `_ - / =` and inner single dots): every other byte becomes `=XX`.
 * `decodeKey` gives it back.
 */
export function encodeKey(key: string): string {
  let encoded = '';
  for (const [index, byte] of Buffer.from(key, 'utf8').entries()) {
    const letter = String.fromCharCode(byte);
    const innerDot = letter === '.' && index > 0 && index < key.length - 1 && key[index - 1] !== '.';
    encoded += plain.test(letter) || innerDot ? letter : `=${byte.toString(16).padStart(2, '0')}`;
  }
  return encoded;
}

export function decodeKey(encoded: string): string {
  const bytes: number[] = [];
  for (let index = 0; index < encoded.length; index += 1) {
    if (encoded[index] === '=') {
      bytes.push(Number.parseInt(encoded.slice(index + 1, index + 3), 16));
      index += 2;
    } else {
      bytes.push(encoded.charCodeAt(index));
    }
  }
  return Buffer.from(bytes).toString('utf8');
}
