import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addJob, addOrganization, addRepository, runJob, startWorld } from '@holdfast/embedded';
import { type BenchRow, judged, median, seconds } from './measure.ts';

interface Size {
  mailboxes: number;
  messagesPerMailbox: number;
}

/** Seconds of a first backup on this machine, with all services beside it. */
async function backupSeconds(natsServer: string, size: Size, catalog: boolean): Promise<number> {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-catalog-cost-'));
  const world = await startWorld({
    dataDir: work,
    natsServer,
    workers: 1,
    env: { HOLDFAST_SLOTS: '16', ...(catalog ? {} : { HOLDFAST_CATALOG: 'off' }) },
    tenant: {
      mailboxes: size.mailboxes,
      messages: size.messagesPerMailbox,
      ...{ seed: 11, fewFolders: true, plainHttp: true, limits: { enabled: false } },
    },
  });
  try {
    const organization = await addOrganization(world);
    const repository = await addRepository(world, join(work, 'repository'));
    const ids = { organizationId: organization.id, repositoryId: repository.id };
    const job = await addJob(world, ids, { options: { concurrency: 16, attempts: 3 } });
    return await seconds(async () => {
      const run = await runJob(world, job.id, undefined, 20);
      if (run.state !== 'success') throw new Error(`run ended ${run.state}`);
    });
  } finally {
    await world.stop();
    rmSync(work, { recursive: true, force: true });
  }
}

/** What indexing costs a backup on the same machine: its time with the catalog by its time without, interleaved. */
export async function benchCatalogCost(
  options: Size & { natsServer: string; rounds: number; say: (line: string) => void },
): Promise<BenchRow[]> {
  const { natsServer, rounds, say } = options;
  const [withIt, without]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    // The one that comes first changes, so that what the machine does meanwhile falls on both.
    for (const catalog of round % 2 === 0 ? [false, true] : [true, false]) {
      const took = await backupSeconds(natsServer, options, catalog);
      (catalog ? withIt : without).push(took);
      say(`backup ${catalog ? 'with' : 'without'} the catalog: ${took.toFixed(2)} s`);
    }
  }
  const ratios = withIt.map((took, round) => took / (without[round] ?? took));
  return [
    judged({
      bar: 'backup with the catalog / without',
      unit: 's',
      ours: median(withIt),
      peer: median(without),
      ratio: median(ratios),
      gate: '<= 1.15',
    }),
  ];
}
