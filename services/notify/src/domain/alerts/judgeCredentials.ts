import { X509Certificate } from 'node:crypto';
import type { AlertSettings, Credential, Organization } from '@holdfast/contracts';
import { formatDuration } from '../format.ts';
import type { Finding } from './finding.ts';

const dayMs = 24 * 60 * 60_000;

/** End of life of a credential, ms since epoch; undefined when it is not known. */
export function credentialEndMs(credential: Credential): number | undefined {
  if (credential.expiresAt !== undefined) return new Date(credential.expiresAt).getTime();
  if (credential.kind !== 'certificate') return undefined;
  try {
    return new Date(new X509Certificate(credential.certificatePem).validTo).getTime();
  } catch {
    // What cannot be read was refused when it was entered; the verification of the organization tells of it.
    return undefined;
  }
}

interface Ending {
  credential: Credential;
  role: string;
  endMs: number;
}

/** The credential of an organization that ends first: of its backups or, where it has one, of its restores. */
function soonestEnd({ credential, restoreApplication }: Organization): Ending | undefined {
  const all: [string, Credential][] = [['', credential]];
  if (restoreApplication !== undefined) all.push([' for restores', restoreApplication.credential]);
  const endings = all.flatMap(([role, one]): Ending[] => {
    const endMs = credentialEndMs(one);
    return endMs === undefined ? [] : [{ credential: one, role, endMs }];
  });
  return endings.sort((a, b) => a.endMs - b.endMs)[0];
}

/** Organizations of which a credential ends soon, or has ended. */
export function judgeCredentials(
  organizations: readonly Organization[],
  settings: AlertSettings,
  nowMs: number,
): Finding[] {
  const limitMs = settings.credentialExpiring.beforeDays * dayMs;
  return organizations.flatMap((organization): Finding[] => {
    const ending = soonestEnd(organization);
    if (ending === undefined || ending.endMs - nowMs > limitMs) return [];
    const end = new Date(ending.endMs).toISOString();
    const state = ending.endMs <= nowMs ? `has expired (${end})` : `expires at ${end}`;
    return [
      {
        about: organization.id,
        organizationId: organization.id,
        message: `The ${ending.credential.kind}${ending.role} of organization "${organization.name}" ${state}.`,
        remedy:
          'Make a new one in Microsoft Entra and enter it for the organization. Without it no backup and no restore works.',
        details: [`warned ${formatDuration(limitMs)} before`],
        since: new Date(ending.endMs - limitMs).toISOString(),
      },
    ];
  });
}
