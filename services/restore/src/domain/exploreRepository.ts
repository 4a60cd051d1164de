import type { repositoryMailboxSchema, TimelinePoint } from '@holdfast/contracts';
import type { z } from 'zod';

type MailboxView = z.infer<typeof repositoryMailboxSchema>;

/** A restore point by its name. */
export interface PointRefFacts {
  name: string;
  mailboxKey: string;
  pointId: string;
  /** ms since epoch */
  time: number;
  kind: 'full' | 'checkpoint';
}

/** What a restore point says of itself. */
export interface PointManifest {
  mailboxAddress: string;
  organizationId: string;
  mailboxIdentity: string;
  counts: Readonly<Record<string, number>>;
  gaps: readonly unknown[];
}

/** A repository as its lists are made from it: the names of points, and what a point says. */
export interface RepositoryLists {
  points(filter?: { mailboxKey?: string }): AsyncIterable<PointRefFacts>;
  manifest(name: string): Promise<PointManifest>;
  ownerOf(point: PointManifest): { organizationId: string; mailboxId: string; address: string };
}

const iso = (time: number): string => new Date(time).toISOString();

/** Mailboxes in the order of their keys, from the listing of names; only those of the page are looked into. */
export async function exploreMailboxes(
  repository: RepositoryLists,
  request: { limit: number; after?: string | undefined },
): Promise<{ items: MailboxView[]; next?: string }> {
  const items: MailboxView[] = [];
  let own: PointRefFacts[] = [];
  const finish = async (): Promise<void> => {
    if (own.length > 0) items.push(await mailboxOf(repository, own));
    own = [];
  };
  for await (const point of repository.points()) {
    if (point.mailboxKey <= (request.after ?? '')) continue;
    if (own[0] !== undefined && own[0].mailboxKey !== point.mailboxKey) {
      await finish();
      const last = items.at(-1);
      if (items.length === request.limit && last !== undefined) return { items, next: last.mailboxKey };
    }
    own.push(point);
  }
  await finish();
  return { items };
}

async function mailboxOf(
  repository: RepositoryLists,
  points: readonly PointRefFacts[],
): Promise<MailboxView> {
  const [oldest, newest] = [points[0], points.at(-1)] as [PointRefFacts, PointRefFacts];
  const complete = points.filter(({ kind }) => kind === 'full');
  const owner = repository.ownerOf(await repository.manifest((complete.at(-1) ?? newest).name));
  return {
    mailboxKey: newest.mailboxKey,
    ...owner,
    points: complete.length,
    checkpoints: points.length - complete.length,
    oldest: iso(oldest.time),
    newest: iso(newest.time),
  };
}

/** The timeline of a mailbox, newest first: all its points, also those that were saved on the way. */
export async function exploreTimeline(
  repository: RepositoryLists,
  repositoryId: string,
  request: { mailboxKey: string; limit: number; after?: string | undefined },
): Promise<{ items: TimelinePoint[]; next?: string }> {
  const points: PointRefFacts[] = [];
  for await (const point of repository.points({ mailboxKey: request.mailboxKey })) points.push(point);
  points.reverse();
  const from = request.after === undefined ? 0 : points.findIndex(({ name }) => name === request.after) + 1;
  const page = points.slice(from, from + request.limit);
  const items = await Promise.all(page.map((point) => timelinePoint(repository, repositoryId, point)));
  const last = page.at(-1);
  return from + page.length < points.length && last !== undefined ? { items, next: last.name } : { items };
}

/** A point by its id alone; every name of the repository may have to be looked at. */
export async function findPoint(
  repository: RepositoryLists,
  repositoryId: string,
  pointId: string,
): Promise<TimelinePoint | undefined> {
  for await (const point of repository.points()) {
    if (point.pointId === pointId) return timelinePoint(repository, repositoryId, point);
  }
  return undefined;
}

async function timelinePoint(
  repository: RepositoryLists,
  repositoryId: string,
  { name, mailboxKey, pointId, time, kind }: PointRefFacts,
): Promise<TimelinePoint> {
  const { counts, gaps } = await repository.manifest(name);
  const number = (of: string): number => Math.max(0, Math.round(counts[of] ?? 0));
  return {
    id: `${repositoryId}.${pointId}`,
    ...{ pointId, mailboxKey, kind },
    pointName: name,
    time: iso(time),
    completeness: kind === 'checkpoint' ? 'partial' : gaps.length > 0 ? 'gaps' : 'complete',
    items: number('stored'),
    folders: number('folders'),
    gaps: gaps.length,
    new: number('new'),
    changed: number('changed'),
    removed: number('removed'),
    bytes: number('bytes'),
    ...(counts.reported === undefined || counts.reported < 0 ? {} : { reported: number('reported') }),
  };
}
