import { readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Child, startChild } from './childProcess.ts';
import { freePort } from './freePort.ts';
import { temporaryDirectory } from './temporaryDirectory.ts';
import { waitFor } from './waitFor.ts';

export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly storeDir: string;
  readonly pid: number;
  readonly log: string;
  /** Ends it (SIGTERM) and removes its directory if it was made here. */
  stop(): Promise<void>;
  /** SIGKILL: what was not on disk is lost. It can be started again with `restart`. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after ending it when it runs; `wipe` empties its storage first. */
  restart(options?: { wipe?: boolean }): Promise<void>;
}

export interface NatsServerOptions {
  /** Storage of streams; a temporary directory when absent. */
  storeDir?: string;
  /** A free one when absent. */
  port?: number;
}

/**
 * Starts a real nats-server with JetStream on 127.0.0.1 and waits until it answers. The program is `nats-server` on
 * the PATH, or what HOLDFAST_NATS_SERVER names.
 *
 * @throws Error telling how to install nats-server when it is missing.
 */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const own = temporaryDirectory('nats');
  const storeDir = options.storeDir ?? own.at('store');
  const port = options.port ?? (await freePort());
  let child = await launch(port, storeDir, own.path);
  await untilReady(child, own.path);

  async function end(signal: NodeJS.Signals): Promise<void> {
    child.send(signal);
    await child.exited;
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    storeDir,
    get pid() {
      return child.pid;
    },
    get log() {
      return child.stderr;
    },
    async stop() {
      await end('SIGTERM');
      own.remove();
    },
    kill: () => end('SIGKILL'),
    async restart({ wipe = false } = {}) {
      await end('SIGTERM');
      if (wipe) await rm(storeDir, { recursive: true, force: true });
      child = await launch(port, storeDir, own.path);
      await untilReady(child, own.path);
    },
  };
}

async function launch(port: number, storeDir: string, portsDir: string): Promise<Child> {
  const program = process.env.HOLDFAST_NATS_SERVER ?? 'nats-server';
  const args = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', storeDir, '--ports_file_dir', portsDir];
  try {
    return await startChild(program, args);
  } catch (cause) {
    throw new Error(
      `${program} could not be started: install it (Debian: apt-get install nats-server; others: https://nats.io/download) so that it is on the PATH, or set HOLDFAST_NATS_SERVER to the program`,
      { cause },
    );
  }
}

/** Waits until the server listens with JetStream: it writes its addresses into a file then. */
async function untilReady(child: Child, portsDir: string): Promise<number> {
  return waitFor(
    async () => {
      if (child.exit !== undefined) return Promise.resolve(undefined);
      const file = (await readdir(portsDir)).find((name) => name.endsWith(`_${child.pid}.ports`));
      if (file === undefined) return undefined;
      const ports = JSON.parse(await readFile(join(portsDir, file), 'utf8')) as { nats: string[] };
      const port = Number(new URL(ports.nats[0] ?? '').port);
      return (await greeting(port)).includes('"jetstream":true') ? port : undefined;
    },
    { what: 'nats-server listens with JetStream' },
  ).catch((cause: unknown) => {
    throw new Error(`nats-server did not start:\n${child.stderr.slice(-2000)}`, { cause });
  });
}

function greeting(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.setEncoding('utf8');
    socket.once('data', (line: string) => {
      socket.destroy();
      resolve(line);
    });
    socket.once('error', reject);
  });
}
