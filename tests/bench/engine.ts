/**
 * The engine beside restic, on the same corpus in the same session: storing, size, CPU, memory, reading back,
 * verifying. Rounds are interleaved and ratios are medians of the rounds' ratios.
 * Alone: `node tests/bench/engine.ts [rounds] [messages]`.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writeCorpus } from './engineCorpus.ts';
import { type BenchRow, folderBytes, judged, median } from './measure.ts';

export interface EngineOptions {
  mailboxes: number;
  messagesPerMailbox: number;
  rounds: number;
  seed: number;
  say: (line: string) => void;
  /** Kept for the next run when given; else a temporary folder. */
  corpusDir?: string;
}

/** What one process used. */
interface Used {
  seconds: number;
  cpuSeconds: number;
  peakRssMb?: number;
}

interface Round {
  store: Used;
  read: Used;
  verify: Used;
  bytes: number;
}

/** What the services that use the engine are started with, as is `MALLOC_ARENA_MAX`. */
const YOUNG = '--max-semi-space-size=4';
const child = new URL('./engineChild.ts', import.meta.url).pathname;

/** Measures and judges the engine's bars. Without restic on PATH the peer's columns stay empty. */
export async function benchEngine(options: EngineOptions): Promise<BenchRow[]> {
  const work = await mkdtemp(join(tmpdir(), 'holdfast-engine-'));
  try {
    const corpusDir = options.corpusDir ?? join(work, 'corpus');
    const corpus = await writeCorpus(corpusDir, options);
    options.say(`engine: ${corpus.messages} messages, ${(corpus.bytes / 1e6).toFixed(0)} MB`);
    const peer = await hasRestic();
    if (!peer)
      options.say('engine: restic is not installed, its columns stay empty (apt-get install restic)');
    const ours: Round[] = [];
    const restic: Round[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      // The other goes first in every second round: who runs second finds warmer caches.
      if (peer && round % 2 === 0) restic.push(await resticRound(work, corpusDir));
      ours.push(await ourRound(work, corpusDir, corpus));
      if (peer && round % 2 === 1) restic.push(await resticRound(work, corpusDir));
      options.say(`engine: round ${round}: ${describe(ours.at(-1))} | restic ${describe(restic.at(-1))}`);
    }
    return rowsOf(ours, restic, corpus.messages);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function ourRound(
  work: string,
  corpusDir: string,
  corpus: { messages: number; identity: string },
): Promise<Round> {
  const repository = join(work, 'ours');
  const cache = join(work, 'cache');
  await rm(repository, { recursive: true, force: true });
  // Compiled code outlives a round, as it does the runs of a worker.
  await mkdir(cache, { recursive: true });
  for (const name of await readdir(cache))
    if (name !== 'code') await rm(join(cache, name), { recursive: true, force: true });
  const run = async (verb: string) =>
    JSON.parse(
      await output(process.execPath, [YOUNG, child, verb, repository, cache, corpusDir], {
        NODE_COMPILE_CACHE: join(cache, 'code'),
        MALLOC_ARENA_MAX: '2',
      }),
    );
  await run('create');
  const store = await run('ingest');
  const read = await run('read');
  if (read.messages !== corpus.messages || read.digest !== corpus.identity) {
    throw new Error(`read back ${read.messages} messages of digest ${read.digest}, not ${corpus.identity}`);
  }
  const verify = await run('verify');
  if (verify.findings !== 0) throw new Error(`verification found ${verify.findings} faults`);
  return { store, read, verify, bytes: folderBytes(repository) };
}

async function resticRound(work: string, corpusDir: string): Promise<Round> {
  const repository = join(work, 'restic');
  await rm(repository, { recursive: true, force: true });
  const cache = join(work, 'restic-cache');
  await rm(cache, { recursive: true, force: true });
  const restic = (command: string) => timed(`restic -q --cache-dir '${cache}' -r '${repository}' ${command}`);
  await restic('init');
  const store = await restic(`backup '${join(corpusDir, 'mail')}'`);
  const read = await restic('dump latest / > /dev/null');
  const verify = await restic('check --read-data');
  return { store, read, verify, bytes: folderBytes(repository) };
}

/** Runs a command in bash, which knows what it and its threads used. */
async function timed(command: string): Promise<Used> {
  const script = `TIMEFORMAT='used %R %U %S'; time ${command}`;
  const text = await output('bash', ['-c', script], { RESTIC_PASSWORD: 'a passphrase for the bench' });
  const [, seconds = '', user = '', system = ''] = /used ([\d.]+) ([\d.]+) ([\d.]+)/.exec(text) ?? [];
  return { seconds: Number(seconds), cpuSeconds: Number(user) + Number(system) };
}

function output(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const process_ = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    process_.stdout.on('data', (chunk) => {
      text += chunk;
    });
    process_.stderr.on('data', (chunk) => {
      text += chunk;
    });
    process_.on('error', reject);
    process_.on('close', (code) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${command} ${args.join(' ')} ended with ${code}: ${text}`));
    });
  });
}

async function hasRestic(): Promise<boolean> {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, 'restic')));
}

function rowsOf(ours: readonly Round[], restic: readonly Round[], messages: number): BenchRow[] {
  const row = (bar: string, unit: string, gate: string, value: (round: Round) => number): BenchRow => {
    const mine = ours.map(value);
    const theirs = restic.map(value);
    const base = { bar, unit, ours: median(mine) };
    if (theirs.length === 0) return { ...base, note: 'no restic' };
    const ratio = median(mine.map((figure, at) => figure / (theirs[at] ?? Number.NaN)));
    return judged({ ...base, peer: median(theirs), ratio, gate });
  };
  return [
    row('repository size against restic', 'MB', '<= 0.6', ({ bytes }) => bytes / 1e6),
    row('storing against restic backup', 's', '<= 1', ({ store }) => store.seconds),
    row('messages a CPU second against restic', '1/s', '>= 1', ({ store }) => messages / store.cpuSeconds),
    row('reading all into nothing against restic dump', 's', '<= 1.1', ({ read }) => read.seconds),
    row('verifying all against restic check --read-data', 's', '<= 1.2', ({ verify }) => verify.seconds),
    judged({
      bar: 'memory of the storing process',
      unit: 'MB',
      ours: median(ours.map(({ store }) => store.peakRssMb ?? 0)),
      gate: '<= 400',
    }),
  ];
}

function describe(round: Round | undefined): string {
  if (!round) return '-';
  const { bytes, read, store, verify } = round;
  const cpu = store.cpuSeconds.toFixed(1);
  return `store ${store.seconds.toFixed(1)} s (${cpu} CPU s), read ${read.seconds.toFixed(1)} s, verify ${verify.seconds.toFixed(1)} s, ${(bytes / 1e6).toFixed(0)} MB`;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [rounds = '3', messages = '20000', corpusDir] = process.argv.slice(2);
  const mailboxes = Math.max(1, Math.round(Number(messages) / 200));
  const rows = await benchEngine({
    mailboxes,
    messagesPerMailbox: Math.round(Number(messages) / mailboxes),
    rounds: Number(rounds),
    seed: 11,
    say: (line) => process.stderr.write(`${line}\n`),
    ...(corpusDir === undefined ? {} : { corpusDir }),
  });
  for (const { bar, gate, held, ours, peer, ratio, unit } of rows) {
    process.stdout.write(
      `${bar}: ${ours.toFixed(1)} ${unit}${peer === undefined ? '' : `, restic ${peer.toFixed(1)}, ratio ${ratio?.toFixed(2)}`} (${gate ?? ''} ${held ? 'held' : 'NOT held'})\n`,
    );
  }
}
