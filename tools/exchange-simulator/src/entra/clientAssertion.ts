import { createHash, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { decodeProtectedHeader, jwtVerify } from 'jose';

/** Why an assertion is refused, in the words of Entra ID. */
export class AssertionRefused extends Error {}

interface RegisteredKey {
  readonly key: KeyObject;
  readonly sha1: string | undefined;
  readonly sha256: string | undefined;
}

function register(pem: string): RegisteredKey {
  if (!pem.includes('BEGIN CERTIFICATE'))
    return { key: createPublicKey(pem), sha1: undefined, sha256: undefined };
  const certificate = new X509Certificate(pem);
  const digest = (name: string) => createHash(name).update(certificate.raw).digest('base64url');
  return { key: certificate.publicKey, sha1: digest('sha1'), sha256: digest('sha256') };
}

/**
 * Checks a client assertion (RFC 7523) as Entra ID does: it names a registered certificate by x5t or x5t#S256, is
 * signed by it, is meant for this token endpoint, issued by and about the client, and not expired. Throws
 * AssertionRefused.
 */
export async function checkClientAssertion(
  assertion: string,
  expected: { clientId: string; audiences: readonly string[]; certificates: readonly string[]; now: number },
): Promise<void> {
  let header: ReturnType<typeof decodeProtectedHeader>;
  try {
    header = decodeProtectedHeader(assertion);
  } catch (error) {
    throw new AssertionRefused('The assertion is not a JWT.', { cause: error });
  }
  const sha256 = header['x5t#S256'];
  const keys = expected.certificates.map(register);
  const fits = keys.filter((one) => {
    if (one.sha1 === undefined) return true;
    return sha256 !== undefined ? one.sha256 === sha256 : one.sha1 === header.x5t;
  });
  if (fits.length === 0) {
    throw new AssertionRefused(
      `The certificate with identifier used to sign the client assertion is not registered on application. [Thumbprint: ${String(sha256 ?? header.x5t)}]`,
    );
  }
  let last: unknown;
  for (const { key } of fits) {
    try {
      await jwtVerify(assertion, key, {
        audience: [...expected.audiences],
        issuer: expected.clientId,
        subject: expected.clientId,
        algorithms: ['RS256', 'PS256'],
        currentDate: new Date(expected.now),
        clockTolerance: 300,
        requiredClaims: ['exp', 'aud', 'iss', 'sub'],
      });
      return;
    } catch (error) {
      last = error;
    }
  }
  throw new AssertionRefused(
    `Client assertion failed signature or claim validation: ${last instanceof Error ? last.message : 'unknown'}`,
    { cause: last },
  );
}
