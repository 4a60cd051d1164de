import { type CryptoKey, exportJWK, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { GraphError } from '../graph/errors.ts';

/** What an access token says. */
export interface AccessClaims {
  readonly tenantId: string;
  readonly clientId: string;
  readonly roles: ReadonlySet<string>;
  /** Seconds since 1970. */
  readonly expiresAt: number;
}

export interface TokenIssuer {
  issue(
    claims: {
      tenantId: string;
      clientId: string;
      roles: readonly string[];
      audience: string;
      issuer: string;
    },
    now: number,
    lifetimeSeconds: number,
  ): Promise<string>;
  /** Checks a bearer token. Throws GraphError 401 InvalidAuthenticationToken. */
  check(authorization: string | undefined, now: number): Promise<AccessClaims>;
  jwks(): Promise<unknown>;
}

const refused = (message: string) =>
  new GraphError(401, 'InvalidAuthenticationToken', message, {
    headers: {
      'www-authenticate':
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"',
    },
  });

/** Reads a token that this issuer has signed. Throws GraphError 401 for any other. */
async function verify(
  token: string,
  publicKey: CryptoKey,
  audiences: readonly string[],
  now: number,
): Promise<AccessClaims> {
  try {
    const { payload } = await jwtVerify(token, publicKey, {
      audience: [...audiences],
      currentDate: new Date(now),
      clockTolerance: 0,
    });
    const roles = Array.isArray(payload.roles)
      ? payload.roles.filter((role) => typeof role === 'string')
      : [];
    return {
      tenantId: String(payload.tid),
      clientId: String(payload.appid),
      roles: new Set(roles),
      expiresAt: payload.exp ?? 0,
    };
  } catch (error) {
    const name = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (name === 'ERR_JWT_EXPIRED') throw refused('Lifetime validation failed, the token is expired.');
    if (name === 'ERR_JWT_CLAIM_VALIDATION_FAILED')
      throw refused('Access token validation failure. Invalid audience.');
    throw refused('IDX14100: JWT is not well formed or its signature is invalid.');
  }
}

/** Signs and checks access tokens (RS256, as Entra ID does). Checked tokens are remembered, for speed. */
export async function createTokenIssuer(audiences: () => readonly string[]): Promise<TokenIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { modulusLength: 2048 });
  const kid = 'simulator-1';
  const known = new Map<string, AccessClaims>();
  // Looking up so long a text means to hash it, and nearly all requests come with the same one.
  let last: { authorization: string; claims: AccessClaims } | undefined;

  return {
    async issue(claims, now, lifetimeSeconds) {
      const issuedAt = Math.floor(now / 1000);
      return new SignJWT({
        appid: claims.clientId,
        tid: claims.tenantId,
        idtyp: 'app',
        ver: '1.0',
        ...(claims.roles.length > 0 ? { roles: [...claims.roles] } : {}),
      })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
        .setIssuer(claims.issuer)
        .setAudience(claims.audience)
        .setSubject(claims.clientId)
        .setIssuedAt(issuedAt)
        .setNotBefore(issuedAt)
        .setExpirationTime(issuedAt + lifetimeSeconds)
        .sign(privateKey);
    },
    async check(authorization, now) {
      let claims = last?.authorization === authorization ? last?.claims : known.get(authorization ?? '');
      if (!claims) {
        const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
        if (authorization === undefined || token === undefined) throw refused('Access token is empty.');
        claims = await verify(token, publicKey, audiences(), now);
        if (known.size > 1000) known.clear();
        known.set(authorization, claims);
      }
      if (authorization !== undefined) last = { authorization, claims };
      if (claims.expiresAt * 1000 <= now) throw refused('Lifetime validation failed, the token is expired.');
      return claims;
    },
    async jwks() {
      return { keys: [{ ...(await exportJWK(publicKey)), kid, use: 'sig', alg: 'RS256' }] };
    },
  };
}
