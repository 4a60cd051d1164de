import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

const shape = /^hf_[A-Za-z0-9_-]{43}$/;

/** A new token: 256 bits of chance, so that no slow hash is needed to protect it. */
export const newToken = (): string => `hf_${randomBytes(32).toString('base64url')}`;

/** What the store keeps of a token. */
export const hashToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Compares two hashes without telling by the time taken where they differ. */
export function sameHash(a: string, b: string): boolean {
  const left = Buffer.from(a, 'hex');
  const right = Buffer.from(b, 'hex');
  return left.length === right.length && timingSafeEqual(left, right);
}

/** The token of an Authorization header; undefined when there is none of our shape. */
export function bearerToken(header: string | undefined): string | undefined {
  const [scheme, token, ...rest] = (header ?? '').trim().split(/ +/);
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) return undefined;
  return shape.test(token) ? token : undefined;
}
