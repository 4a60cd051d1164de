import { X509Certificate } from 'node:crypto';
import { type Check, HoldfastError, type JsonObject } from '@holdfast/contracts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import { success } from './checks.ts';
import type { ConnectorCredential } from './credentials.ts';
import { viaClient } from './graphClient.ts';
import type { GraphLine } from './line.ts';
import { rowsOf } from './paging.ts';

const dayMs = 24 * 3600_000;
/** From so many days before the end on it is a warning; Holdfast tells of it daily as well. */
export const expiryWarningDays = 30;

const code = 'credential.expiry';

/** How long the credential still lasts. */
export function expiryCheck(kind: ConnectorCredential['kind'], expiresAt: string, nowMs: number): Check {
  const what = kind === 'secret' ? 'client secret' : 'certificate';
  const name = `End of the ${what}`;
  const days = Math.floor((Date.parse(expiresAt) - nowMs) / dayMs);
  const date = expiresAt.slice(0, 10);
  if (days >= expiryWarningDays) {
    return { ...success(code, name, `The ${what} ends on ${date}, in ${days} days.`), expiresAt };
  }
  const remedy = `Make a new ${what} in Entra ID (the old one may stay until then) and enter it for the organization.`;
  const limits: Check['limits'] = ['backup', 'restore'];
  if (days < 0) {
    return {
      code,
      name,
      result: 'failure',
      meaning: `The ${what} ended on ${date}.`,
      limits,
      remedy,
      expiresAt,
    };
  }
  return {
    code,
    name,
    result: 'warning',
    meaning: `The ${what} ends on ${date}, in ${days} days.`,
    limits,
    remedy,
    expiresAt,
  };
}

/** What is said when nobody knows when the secret ends. */
export function unknownExpiry(): Check {
  return {
    code,
    name: 'End of the client secret',
    result: 'warning',
    meaning: 'Nobody knows when the client secret ends: the application may not read its own registration.',
    remedy:
      'Enter the date that the portal showed for the secret, or grant Application.Read.All, or use a certificate.',
  };
}

/**
 * The end of the credential: from the certificate itself; of a secret from its registration, where the application
 * may read that. Undefined when it is not known.
 */
export async function credentialEnd(
  line: GraphLine,
  clientId: string,
  credential: ConnectorCredential,
): Promise<string | undefined> {
  if (credential.kind === 'certificate') {
    return new Date(new X509Certificate(credential.certificatePem).validTo).toISOString();
  }
  const secrets = await registeredSecrets(line, clientId);
  // Entra ID keeps the first three characters of a secret to tell it from others.
  const mine = secrets.filter(({ hint }) => hint === credential.secret.slice(0, 3));
  const ends = (mine.length > 0 ? mine : secrets).map(({ end }) => end).sort();
  // Of two that begin alike nobody knows which one it is: the later one, or the warning would stay after a rotation.
  return ends.at(-1);
}

async function registeredSecrets(
  line: GraphLine,
  clientId: string,
): Promise<{ hint: string; end: string }[]> {
  try {
    const answer: JsonObject = await viaClient(
      line,
      'reading the registration of the application',
      (client) =>
        client
          .api('/applications')
          .filter(`appId eq '${clientId.replaceAll("'", "''")}'`)
          .select(['id', 'appId', 'passwordCredentials'])
          .get(),
    );
    return rowsOf(answer).flatMap(({ passwordCredentials }) =>
      (Array.isArray(passwordCredentials) ? passwordCredentials : []).map(objectOf).flatMap((secret) => {
        const end = Date.parse(textOf(secret.endDateTime));
        return Number.isNaN(end) ? [] : [{ hint: textOf(secret.hint), end: new Date(end).toISOString() }];
      }),
    );
  } catch (error) {
    // A convenience: most applications may not read it, and then the user's date counts.
    if (error instanceof HoldfastError) return [];
    throw error;
  }
}
