import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job } from '@holdfast/contracts';
import { addJob, addOrganization, addRepository, runJob, startWorld, type World } from '@holdfast/embedded';
import { createCorpus } from '@holdfast/exchange-simulator';
import { atOnce, type EndToEndOptions, untilQuiet } from './endToEnd.ts';
import { type BenchRow, cpuSeconds, judged, median, seconds } from './measure.ts';
import { type MailChain, mailChainMissing, startMailChain, writeMaildirs } from './peers/mailChain.ts';

const runOnce = async (world: World, job: Job): Promise<void> => {
  const run = await runJob(world, job.id, undefined, 20);
  if (run.state !== 'success') throw new Error(`run ended ${run.state}: ${JSON.stringify(run.error)}`);
};

/** Processor seconds by process since they were started. */
const cpuByProcess = (world: World): Map<string, number> =>
  new Map(
    [
      { name: 'simulator', pid: world.tenant.pid },
      ...[...world.stack.processes.values()].map(({ name, pid }) => ({ name, pid })),
    ].map(({ name, pid }) => [name, cpuSeconds(pid)]),
  );

async function ourRounds(options: EndToEndOptions, work: string, between: () => Promise<void>) {
  const { mailboxes, messagesPerMailbox: messages, seed, rounds, say, natsServer } = options;
  const tenant = { mailboxes, messages, seed, fewFolders: true, plainHttp: true, limits: { enabled: false } };
  const env = { HOLDFAST_SLOTS: String(atOnce) };
  mkdirSync(work);
  const world = await startWorld({ dataDir: work, natsServer, workers: 1, env, tenant });
  try {
    const organization = await addOrganization(world);
    const repository = await addRepository(world, join(work, 'repository'));
    const ids = { organizationId: organization.id, repositoryId: repository.id };
    const job = await addJob(world, ids, { options: { concurrency: atOnce, attempts: 3 } });
    await runOnce(world, job);
    await untilQuiet(world);
    const walls: number[] = [];
    const used = new Map<string, number>();
    for (let round = 0; round < rounds; round++) {
      const before = cpuByProcess(world);
      walls.push(await seconds(() => runOnce(world, job)));
      say(`round ${round + 1}, Holdfast: ${Math.round(mailboxes / (walls.at(-1) ?? 1))} mailboxes/s`);
      for (const [name, now] of cpuByProcess(world))
        used.set(name, (used.get(name) ?? 0) + now - (before.get(name) ?? 0));
      await between();
    }
    const perMailbox = [...used].map(([name, sum]) => ({ name, ms: (sum * 1000) / (mailboxes * rounds) }));
    const cpuMs = perMailbox.reduce((sum, { ms }) => sum + ms, 0);
    const parts = perMailbox.map(({ name, ms }) => `${name} ${ms.toFixed(2)}`).join(', ');
    say(`processor ms a mailbox: ${cpuMs.toFixed(2)} (${parts})`);
    return { walls, cpuMs };
  } finally {
    await world.stop();
  }
}

/**
 * Only the unchanged incremental, many times in one installation: whole runs from the request to the end, against
 * mbsync over the same mailboxes, interleaved. For looking where the time goes; the bar itself is judged by `end-to-end`.
 */
export async function benchUnchanged(options: EndToEndOptions): Promise<BenchRow[]> {
  const { mailboxes, messagesPerMailbox, seed, say } = options;
  const work = mkdtempSync(join(tmpdir(), 'holdfast-unchanged-'));
  // The peer's mail user must be able to walk through.
  chmodSync(work, 0o755);
  const missing = mailChainMissing();
  if (missing !== undefined) say(`peers left out: ${missing}`);
  let chain: MailChain | undefined;
  try {
    if (missing === undefined) {
      const maildirs = join(work, 'maildirs');
      mkdirSync(maildirs);
      writeMaildirs(createCorpus({ seed, mailboxes, messagesPerMailbox }), maildirs);
      chain = await startMailChain(maildirs, join(work, 'chain'), mailboxes, 14_143);
      await chain.mbsync();
    }
    const peers: number[] = [];
    const { walls, cpuMs } = await ourRounds(options, join(work, 'ours'), async () => {
      if (chain !== undefined) peers.push(await seconds(chain.mbsync));
    });
    const rate: BenchRow = {
      bar: `unchanged incremental again and again (${mailboxes} mailboxes) / mbsync`,
      unit: 'mailboxes/s',
      ours: mailboxes / median(walls),
      gate: '>= 4',
    };
    const ratio = median(
      peers.length === 0 ? [0] : peers.map((peer, round) => peer / (walls[round] ?? peer)),
    );
    return [
      peers.length === 0
        ? { ...rate, note: 'no peer on this machine' }
        : judged({ ...rate, peer: mailboxes / median(peers), ratio }),
      { bar: 'unchanged incremental, all processes', unit: 'ms of processor a mailbox', ours: cpuMs },
    ];
  } finally {
    await chain?.stop();
    rmSync(work, { recursive: true, force: true });
  }
}
