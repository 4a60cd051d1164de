import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addJob, addOrganization, addRepository, runJob, startWorld } from '@holdfast/embedded';
import { type BenchRow, judged, peakResidentMiB } from './measure.ts';

/** One tenant with one mailbox that is hard on memory. */
interface Case {
  bar: string;
  messages: number;
  profile: 'small' | 'standard';
  largeAttachmentMb?: number;
}

const cases: Case[] = [
  { bar: 'worker memory, mailbox of 200,000 small messages', messages: 200_000, profile: 'small' },
  {
    bar: 'worker memory, message with an attachment of 120 MB',
    messages: 20,
    profile: 'standard',
    largeAttachmentMb: 120,
  },
];

async function peakOf(one: Case, natsServer: string): Promise<number> {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-memory-'));
  const world = await startWorld({
    dataDir: work,
    natsServer,
    workers: 1,
    // The limit of requests that Microsoft sets would make this a matter of hours.
    env: { HOLDFAST_BUDGET_REQUESTS: '100000000' },
    tenant: {
      mailboxes: 1,
      messages: one.messages,
      profile: one.profile,
      seed: 7,
      ...(one.largeAttachmentMb === undefined ? {} : { largeAttachmentMb: one.largeAttachmentMb }),
      limits: { enabled: false },
    },
  });
  try {
    const organization = await addOrganization(world);
    const repository = await addRepository(world, join(work, 'repository'));
    const job = await addJob(world, { organizationId: organization.id, repositoryId: repository.id });
    const run = await runJob(world, job.id, undefined, 500);
    if (run.state !== 'success') throw new Error(`run ended ${run.state}: ${JSON.stringify(run.error)}`);
    return peakResidentMiB(world.stack.processes.get('sync')?.pid ?? 0);
  } finally {
    await world.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Peak resident memory of a sync worker in the two cases that are hard on it. */
export async function benchMemory(natsServer: string, say: (line: string) => void): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const one of cases) {
    const peak = await peakOf(one, natsServer);
    say(`${one.bar}: ${peak.toFixed(0)} MiB`);
    rows.push(judged({ bar: one.bar, unit: 'MiB', ours: peak, gate: '<= 400' }));
  }
  return rows;
}
