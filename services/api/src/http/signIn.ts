import type { Token } from '@holdfast/contracts';
import type { Clock } from '@holdfast/runtime';
import type { Collection } from '@holdfast/store';
import type { FailedSignIns } from '../domain/failedSignIns.ts';
import { bearerToken, hashToken, sameHash } from '../domain/tokens.ts';
import { HttpProblem } from '../errors.ts';
import type { Caller } from './route.ts';

/** How long a verified token is taken without asking the store: the longest life of a deleted one elsewhere. */
const trustMs = 5_000;
const trustedTokens = 1_000;

export interface SignIn {
  /** Who the header belongs to. @throws HttpProblem 401, or 429 after too many failures from this address */
  check(authorization: string | undefined, address: string): Promise<Caller>;
  /** Forgets a token at once. */
  forget(tokenId: string): void;
}

/** Checks bearer tokens against the store. */
export function createSignIn(tokens: Collection<Token>, failures: FailedSignIns, clock: Clock): SignIn {
  const trusted = new Map<string, { caller: Caller; until: number }>();

  function refuse(address: string): never {
    failures.failed(address);
    throw new HttpProblem(401, 'not-signed-in', 'the request has no valid token', {
      remedy: 'Send the header "Authorization: Bearer <token>"; the first token was printed at first start.',
      headers: { 'www-authenticate': 'Bearer realm="holdfast"' },
    });
  }

  async function lookUp(hash: string): Promise<Caller | undefined> {
    const page = await tokens.find({ where: { hash }, limit: 1 });
    const found = page.items[0]?.doc;
    if (found === undefined || !sameHash(found.hash, hash)) return undefined;
    return { tokenId: found.id, name: found.name, role: found.role };
  }

  return {
    async check(authorization, address) {
      const token = bearerToken(authorization);
      const hash = token === undefined ? undefined : hashToken(token);
      const known = hash === undefined ? undefined : trusted.get(hash);
      if (known !== undefined && known.until > clock.now()) return known.caller;
      const pause = failures.pauseSeconds(address);
      if (pause > 0) {
        throw new HttpProblem(429, 'too-many-failures', 'too many failed sign-ins from this address', {
          remedy: `Wait ${pause} seconds, then sign in with a valid token.`,
          headers: { 'retry-after': String(pause) },
        });
      }
      if (hash === undefined) refuse(address);
      const caller = await lookUp(hash);
      if (caller === undefined) {
        trusted.delete(hash);
        refuse(address);
      }
      if (trusted.size >= trustedTokens) trusted.clear();
      trusted.set(hash, { caller, until: clock.now() + trustMs });
      return caller;
    },
    forget(tokenId) {
      for (const [hash, { caller }] of trusted) if (caller.tokenId === tokenId) trusted.delete(hash);
    },
  };
}
