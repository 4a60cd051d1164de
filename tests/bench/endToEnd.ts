import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job, RunTask } from '@holdfast/contracts';
import {
  addJob,
  addOrganization,
  addRepository,
  listAll,
  runJob,
  startWorld,
  type World,
} from '@holdfast/embedded';
import { createCorpus } from '@holdfast/exchange-simulator';
import { request } from 'undici';
import { type BenchRow, cpuSeconds, judged, median, percentile, seconds } from './measure.ts';
import { type MailChain, mailChainMissing, startMailChain, writeMaildirs } from './peers/mailChain.ts';

export interface EndToEndOptions {
  natsServer: string;
  mailboxes: number;
  messagesPerMailbox: number;
  rounds: number;
  seed: number;
  say: (line: string) => void;
}

/** What one round measured; seconds, and counts of the simulator's requests. */
interface OurRound {
  first: number;
  /** Processor time of all processes but this one, the simulated source included. */
  cpuSecondsOfFirst: number;
  unchanged: number;
  requestsPerMailbox: number;
  foldersPerMailbox: number;
  healthP99Ms: number;
}

/** Keeps asking the API's health route; returns what the waits were, in ms. */
function sampleHealth(url: string): { stop(): Promise<number[]> } {
  const waits: number[] = [];
  let stopping = false;
  const loop = (async () => {
    while (!stopping) {
      const started = performance.now();
      const answer = await request(`${url}/healthz`);
      await answer.body.dump();
      waits.push(performance.now() - started);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  return {
    stop: async () => {
      stopping = true;
      await loop;
      return waits;
    },
  };
}

/**
 * A run from its request to its end; what it came to is checked after that.
 *
 * @param pollMs what the end of the run is seen with; each look costs the API and this process a millisecond
 */
async function checkedRun(
  world: World,
  job: Job,
  expected: number,
  pollMs: number,
): Promise<{ took: number; tasks: RunTask[] }> {
  const started = performance.now();
  const run = await runJob(world, job.id, undefined, pollMs);
  const took = (performance.now() - started) / 1000;
  const tasks = await listAll<RunTask>(world, `/runs/${run.id}/tasks`);
  const items = tasks.reduce((sum, task) => sum + (task.totals?.itemsTotal ?? 0), 0);
  if (run.state !== 'success' || items !== expected) {
    throw new Error(
      `run ended ${run.state} with ${items} of ${expected} items: ${JSON.stringify(run.error)}`,
    );
  }
  return { took, tasks };
}

/**
 * Mailboxes at a time, of the job and of the one worker: what an operator sets for a large organization that is not
 * throttled. The defaults (3 and 8) are made for a source with 150 ms of delay and Microsoft's limits.
 */
export const atOnce = 32;

/** Of both sides in each round, the median counts: one takes half a second, and the first runs are those of cold code. */
const unchangedRuns = 5;

const cpuOf = (world: World): number =>
  [world.tenant.pid, ...[...world.stack.processes.values()].map(({ pid }) => pid)].reduce(
    (sum, pid) => sum + cpuSeconds(pid),
    0,
  );

/** What a first backup leaves to be done (the catalog, retention) is no part of what comes after it. */
export async function untilQuiet(world: World): Promise<void> {
  for (let before = -1, now = 0; now - before > 0.05; ) {
    before = cpuOf(world);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    now = cpuOf(world);
  }
}

async function ourRound(options: EndToEndOptions, work: string): Promise<OurRound> {
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const { mailboxes, messagesPerMailbox, seed } = options;
  const world = await startWorld({
    dataDir: work,
    natsServer: options.natsServer,
    workers: 1,
    // Compiled code outlives a round, as it does the restarts of an installation.
    env: { HOLDFAST_SLOTS: String(atOnce), NODE_COMPILE_CACHE: `${work}-code` },
    tenant: {
      mailboxes,
      messages: messagesPerMailbox,
      seed,
      fewFolders: true,
      plainHttp: true,
      limits: { enabled: false },
    },
  });
  try {
    const organization = await addOrganization(world);
    const repository = await addRepository(world, join(work, 'repository'));
    const ids = { organizationId: organization.id, repositoryId: repository.id };
    const job = await addJob(world, ids, { options: { concurrency: atOnce, attempts: 3 } });
    const health = sampleHealth(world.stack.apiUrl);
    const total = mailboxes * messagesPerMailbox;
    const cpuBefore = cpuOf(world);
    const { took: first } = await checkedRun(world, job, total, 100);
    const cpuSecondsOfFirst = cpuOf(world) - cpuBefore;
    await untilQuiet(world);
    const unchanged: number[] = [];
    for (let run = 0; run < unchangedRuns; run++) {
      await world.tenant.control.resetStatistics();
      const { took, tasks } = await checkedRun(world, job, total, 20);
      unchanged.push(took);
      if (tasks.some((task) => task.pointId !== undefined))
        throw new Error('an unchanged mailbox made a restore point');
    }
    const { byMailbox } = await world.tenant.control.statistics();
    const requests = Object.values(byMailbox).reduce((sum, count) => sum + count, 0);
    const [user] = await world.tenant.control.users();
    const folders = (await world.tenant.control.folders(user?.id ?? '')).filter(
      (folder) => !folder.wellKnownName?.startsWith('recoverableitems'),
    ).length;
    return {
      first,
      cpuSecondsOfFirst,
      unchanged: median(unchanged),
      requestsPerMailbox: requests / mailboxes,
      foldersPerMailbox: folders,
      healthP99Ms: percentile(await health.stop(), 0.99),
    };
  } finally {
    await world.stop();
  }
}

interface PeerRound {
  first: number;
  unchanged: number;
}

async function peerRound(chain: MailChain): Promise<PeerRound> {
  await chain.reset();
  const pull = await seconds(() => chain.mbsync());
  const store = await seconds(() => chain.resticBackup());
  const unchanged: number[] = [];
  for (let run = 0; run < unchangedRuns; run++) unchanged.push(await seconds(() => chain.mbsync()));
  return { first: pull + store, unchanged: median(unchanged) };
}

function rowsOf(options: EndToEndOptions, ours: OurRound[], peers: PeerRound[]): BenchRow[] {
  const total = options.mailboxes * options.messagesPerMailbox;
  const of = (pick: (round: OurRound) => number) => median(ours.map(pick));
  const peerOf = (pick: (round: PeerRound) => number) => median(peers.map(pick));
  const ratio = (pick: (round: PeerRound) => number) =>
    median(peers.map((peer, n) => pick(peer) / (pick(ours[n] as OurRound) || 1)));
  const withPeer = (row: BenchRow, pick: (round: PeerRound) => number, count: number) =>
    peers.length === 0
      ? { ...row, note: 'no peer on this machine' }
      : { ...row, peer: count / peerOf(pick), ratio: ratio(pick) };
  const first = (round: PeerRound) => round.first;
  const unchanged = (round: PeerRound) => round.unchanged;
  const rows: BenchRow[] = [
    withPeer(
      {
        bar: 'first backup, end to end / mbsync + restic',
        unit: 'messages/s',
        ours: total / of(first),
        gate: '>= 1.5',
      },
      first,
      total,
    ),
    withPeer(
      {
        bar: 'unchanged incremental / mbsync',
        unit: 'mailboxes/s',
        ours: options.mailboxes / of(unchanged),
        gate: '>= 4',
      },
      unchanged,
      options.mailboxes,
    ),
    {
      bar: 'requests of an unchanged mailbox beyond one a folder',
      unit: 'requests',
      ours: of((round) => round.requestsPerMailbox - round.foldersPerMailbox),
      gate: '<= 2',
    },
    {
      bar: 'API health route while all this runs, p99',
      unit: 'ms',
      ours: of((round) => round.healthP99Ms),
      gate: '<= 50',
    },
  ];
  return rows.map((row) =>
    row.gate === '<= 2' || row.gate === '<= 50' || row.ratio !== undefined ? judged(row) : row,
  );
}

/**
 * First backup and unchanged incremental from the simulator, against dovecot, mbsync and restic over the same
 * messages: rounds interleaved, medians of the ratios of the rounds.
 */
export async function benchEndToEnd(options: EndToEndOptions): Promise<BenchRow[]> {
  const work = mkdtempSync(join(tmpdir(), 'holdfast-bench-'));
  // The peer's mail user must be able to walk through.
  chmodSync(work, 0o755);
  const missing = mailChainMissing();
  if (missing !== undefined) options.say(`peers left out: ${missing}`);
  let chain: MailChain | undefined;
  try {
    if (missing === undefined) {
      const maildirs = join(work, 'maildirs');
      mkdirSync(maildirs);
      options.say('writing the corpus as Maildirs for the peer');
      const { seed, mailboxes, messagesPerMailbox } = options;
      writeMaildirs(createCorpus({ seed, mailboxes, messagesPerMailbox }), maildirs);
      chain = await startMailChain(maildirs, join(work, 'chain'), mailboxes, 14_143);
    }
    const ours: OurRound[] = [];
    const peers: PeerRound[] = [];
    for (let round = 0; round < options.rounds; round++) {
      const mine = await ourRound(options, join(work, 'ours'));
      ours.push(mine);
      options.say(`round ${round + 1}, Holdfast: ${JSON.stringify(mine)}`);
      if (chain === undefined) continue;
      const theirs = await peerRound(chain);
      peers.push(theirs);
      options.say(`round ${round + 1}, peer: ${JSON.stringify(theirs)}`);
    }
    return rowsOf(options, ours, peers);
  } finally {
    await chain?.stop();
    rmSync(work, { recursive: true, force: true });
  }
}
