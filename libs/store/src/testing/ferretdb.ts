import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveOneAtATime } from './oneAtATime.ts';

const startTries = 300;
const tryEveryMs = 50;

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Path of a FerretDB: where `.ci/mongo/obtain.sh` puts it (the version that fits), else on PATH; undefined when none. */
export async function findFerretdb(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const tools = env.HOLDFAST_TOOLS_DIR ?? join(homedir(), '.cache', 'holdfast-tools');
  const onPath = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [join(tools, 'bin'), ...onPath]) {
    const path = join(folder, 'ferretdb');
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function waitUntilItAnswers(
  server: ChildProcess,
  socketPath: string,
  log: () => string,
): Promise<void> {
  for (let tries = 0; tries < startTries; tries += 1) {
    if (server.exitCode !== null) break;
    if (await answers(socketPath)) return;
    await sleep(tryEveryMs);
  }
  throw new Error(`FerretDB did not start: ${log()}`);
}

/** Starts FerretDB with its SQLite backend in a folder of its own, behind a door that keeps updates atomic. */
export async function startFerretdb(binary: string): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-ferretdb-'));
  const socketPath = join(folder, 'ferretdb.sock');
  const server = spawn(
    binary,
    [
      '--handler=sqlite',
      `--sqlite-url=file:${folder}/`,
      `--state-dir=${folder}`,
      '--listen-addr=',
      `--listen-unix=${socketPath}`,
      '--debug-addr=-',
      '--telemetry=disable',
      '--log-level=ERROR',
    ],
    { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000);
  });
  const exited = once(server, 'exit');
  const killWithUs = () => server.kill('SIGKILL');
  process.once('exit', killWithUs);
  const stopServer = async () => {
    server.kill('SIGTERM');
    await exited;
    process.removeListener('exit', killWithUs);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilItAnswers(server, socketPath, () => log);
    const door = await serveOneAtATime(socketPath);
    return {
      url: `mongodb://127.0.0.1:${door.port}`,
      stop: async () => {
        await door.stop();
        await stopServer();
      },
    };
  } catch (error) {
    await stopServer();
    throw error;
  }
}
