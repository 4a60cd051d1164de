import {
  guardIdOf,
  type HoldfastEvent,
  type Mailbox,
  makeEvent,
  type RepositoryRecord,
  type RetentionGuard,
} from '@holdfast/contracts';
import type { Guarded, OwnedPoint } from '@holdfast/scheduling';
import type { Announce, Guards } from '../ports.ts';

const mostIds = 10_000;
const mostAddresses = 20;

/** Points whose removal somebody has approved, by job. */
export async function approvedPoints(
  guards: Guards,
  repositoryId: string,
  mailboxId: string,
  jobIds: Iterable<string>,
): Promise<Map<string, ReadonlySet<string>>> {
  const approved = new Map<string, ReadonlySet<string>>();
  for (const jobId of jobIds) {
    const guard = await guards.get(guardIdOf(repositoryId, mailboxId, jobId));
    if (guard?.state === 'approved') approved.set(jobId, new Set(guard.pointIds));
  }
  return approved;
}

/** Writes down what was stopped for one mailbox, and takes away what no longer is. */
export async function noteGuards(
  guards: Guards,
  repository: RepositoryRecord,
  mailbox: Mailbox,
  jobIds: Iterable<string>,
  guarded: readonly Guarded<OwnedPoint>[],
  nowMs: number,
): Promise<void> {
  const byJob = new Map(guarded.map((one) => [one.jobId, one]));
  for (const jobId of jobIds) {
    const id = guardIdOf(repository.id, mailbox.id, jobId);
    const stopped = byJob.get(jobId);
    if (stopped === undefined) {
      if ((await guards.get(id)) !== undefined) await guards.remove(id);
      continue;
    }
    const pointIds = stopped.decisions.map(({ point }) => point.pointId);
    const facts = { points: pointIds.length, of: stopped.of, pointIds: pointIds.slice(0, mostIds) };
    const fresh: RetentionGuard = {
      ...{ id, repositoryId: repository.id, organizationId: mailbox.organizationId, jobId },
      ...{ mailboxId: mailbox.id, mailboxAddress: mailbox.address, state: 'open', ...facts },
      ...{ since: new Date(nowMs).toISOString(), announced: false },
    };
    await guards.upsert(id, (before) => {
      if (before === undefined) return fresh;
      const isSame = before.pointIds.join() === facts.pointIds.join() && before.of === facts.of;
      if (before.state === 'open') return isSame ? undefined : { ...before, ...facts };
      // Approved meanwhile: the next pass goes by it. Approved for fewer points: it has to be asked again.
      const covers = facts.pointIds.every((pointId) => before.pointIds.includes(pointId));
      return covers ? undefined : fresh;
    });
  }
}

/** One event for each job with plans that were newly stopped; each is told of once, or again after a crash. */
export async function announceGuards(
  guards: Guards,
  announce: Announce,
  repositoryId: string,
  nowMs: number,
): Promise<number> {
  const all: RetentionGuard[] = [];
  for await (const guard of guards.open(repositoryId)) all.push(guard);
  for (const [jobId, ofJob] of Map.groupBy(all, (guard) => guard.jobId)) {
    const news = ofJob.filter(({ announced }) => !announced);
    if (news.length === 0) continue;
    await announce(guardedEvent(repositoryId, jobId, ofJob, nowMs));
    for (const { id, since } of news) {
      await guards.upsert(id, (guard) =>
        guard?.since === since && !guard.announced ? { ...guard, announced: true } : undefined,
      );
    }
  }
  return all.length;
}

function guardedEvent(
  repositoryId: string,
  jobId: string,
  ofJob: readonly RetentionGuard[],
  nowMs: number,
): HoldfastEvent<'retention.guarded'> {
  const worst = [...ofJob].sort(
    (a, b) => b.points - a.points || (a.mailboxAddress < b.mailboxAddress ? -1 : 1),
  );
  const key = ofJob.map(({ id, since }) => `${id}@${since}`).sort();
  return makeEvent('retention.guarded', {
    ...{ source: 'retention', subject: jobId, key: JSON.stringify(key), time: new Date(nowMs).toISOString() },
    data: {
      ...{ repositoryId, organizationId: ofJob[0]?.organizationId ?? '', jobId, mailboxes: ofJob.length },
      points: ofJob.reduce((sum, { points }) => sum + points, 0),
      of: ofJob.reduce((sum, { of }) => sum + of, 0),
      worst: worst.slice(0, mostAddresses).map(({ mailboxAddress }) => mailboxAddress),
    },
  });
}
