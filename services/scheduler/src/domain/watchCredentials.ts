import { makeEvent, type Organization } from '@holdfast/contracts';
import type { Announce, OrganizationBook } from '../ports.ts';

const dayMs = 24 * 3600_000;
/** From so long before the end on it is told every day. */
export const tellBeforeMs = 30 * dayMs;

/** Tells of credentials that end soon, or have ended: once a day (UTC), organization and application. */
export async function watchCredentials(ports: {
  organizations: OrganizationBook;
  announce: Announce;
  now: () => number;
}): Promise<void> {
  for await (const organization of ports.organizations.organizations()) {
    for (const event of endingCredentials(organization, ports.now())) await ports.announce(event);
  }
}

/** The events of one organization at this time; the same ones all day. */
export function endingCredentials(organization: Organization, nowMs: number) {
  const { id, name, credential, restoreApplication } = organization;
  const all = [
    { application: 'backup' as const, credential },
    ...(restoreApplication === undefined
      ? []
      : [{ application: 'restore' as const, credential: restoreApplication.credential }]),
  ];
  const day = new Date(nowMs).toISOString().slice(0, 10);
  return all.flatMap(({ application, credential: { kind, expiresAt } }) => {
    if (expiresAt === undefined || Date.parse(expiresAt) - nowMs >= tellBeforeMs) return [];
    const what = kind === 'secret' ? 'client secret' : 'certificate';
    const remedy = `Make a new ${what} for the application in Entra ID and enter it: holdfast org edit.`;
    const daysLeft = Math.floor((Date.parse(expiresAt) - Date.parse(day)) / dayMs);
    return [
      makeEvent('organization.credential-expiring', {
        ...{ source: 'scheduler', subject: id, time: `${day}T00:00:00.000Z` },
        key: `${id}.${application}.${day}`,
        data: {
          ...{ organizationId: id, organizationName: name, application, credential: kind },
          ...{ expiresAt, daysLeft, remedy },
        },
      }),
    ];
  });
}
