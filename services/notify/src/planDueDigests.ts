import type { Job, Run } from '@holdfast/contracts';
import { longestRunMs } from './collectDigest.ts';
import { duePeriod, isWithin, planDigests } from './domain/planDigest.ts';
import type { NotificationBook, ReportSource } from './ports.ts';

export interface DigestDeps {
  source: ReportSource;
  book: NotificationBook;
  now: () => number;
  onPending: () => void;
}

/** Writes down the digests that are due. The one for all comes last, so a crash before it makes the others once more. */
export async function planDueDigests(deps: DigestDeps): Promise<void> {
  const { source, book } = deps;
  const settings = await source.settings();
  const mail = settings?.mail;
  if (mail?.digest === undefined || settings === undefined) return;
  const period = duePeriod(mail, await source.newestDigest(), deps.now());
  if (period === undefined) return;
  const jobs: Job[] = await Array.fromAsync(source.jobs());
  const runs: Run[] = [];
  const since = new Date(new Date(period.from).getTime() - longestRunMs).toISOString();
  for await (const run of source.endedRunsSince(since)) if (isWithin(run, period)) runs.push(run);
  const nowIso = new Date(deps.now()).toISOString();
  for (const digest of planDigests(period, jobs, runs, { ...settings, mail }, nowIso)) {
    if ((await book.insert(digest)) && digest.state === 'pending') deps.onPending();
  }
}
