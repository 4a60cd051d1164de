import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findFerretdb, startFerretdb } from './ferretdb.ts';

/** A server for tests: `url` has no database, so that each test can append its own (`databaseUrl`). */
export interface MongoServer {
  url: string;
  /** What it is, for the log of the test run. */
  kind: string;
  stop(): Promise<void>;
}

const image = 'mongo:8';
const dockerAnswerMs = 5_000;
const pullAndStartMs = 180_000;

async function dockerAnswers(): Promise<boolean> {
  const call = promisify(execFile)('docker', ['version', '--format', '{{.Server.Version}}'], {
    timeout: dockerAnswerMs,
  });
  return call.then(
    () => true,
    () => false,
  );
}

async function startContainer(): Promise<MongoServer> {
  // Loaded only where Docker is: it takes most of a second.
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer(image)
    .withExposedPorts(27017)
    .withWaitStrategy(Wait.forLogMessage(/Waiting for connections/))
    .withStartupTimeout(pullAndStartMs)
    .start();
  return {
    url: `mongodb://${container.getHost()}:${container.getMappedPort(27017)}`,
    kind: `${image} in a container`,
    stop: async () => {
      await container.stop();
    },
  };
}

/**
 * A server of the MongoDB protocol for tests: the one HOLDFAST_TEST_MONGODB_URL names, else a container where Docker
 * answers, else FerretDB (on PATH, or obtained by `.ci/mongo/obtain.sh`). Started servers are stopped by the caller.
 *
 * @returns the server, or why there is none: a test that skips prints it
 */
export async function startMongoServer(
  env: NodeJS.ProcessEnv = process.env,
): Promise<MongoServer | { skipped: string }> {
  const given = env.HOLDFAST_TEST_MONGODB_URL;
  if (given !== undefined && given !== '') {
    return { url: given, kind: 'HOLDFAST_TEST_MONGODB_URL', stop: async () => undefined };
  }
  let why = 'no Docker daemon answers';
  if (await dockerAnswers()) {
    try {
      return await startContainer();
    } catch (error) {
      why = `the container ${image} did not start (${error instanceof Error ? error.message : String(error)})`;
    }
  }
  const binary = await findFerretdb(env);
  if (binary !== undefined) {
    return { ...(await startFerretdb(binary)), kind: 'FerretDB with SQLite' };
  }
  return {
    skipped: `HOLDFAST_TEST_MONGODB_URL is not set, ${why}, and ferretdb is neither on PATH nor in the tools folder: run .ci/mongo/obtain.sh`,
  };
}

/** Address of a database on a server, whatever path and options the server's address has. */
export function databaseUrl(serverUrl: string, database: string): string {
  const [address = '', options] = serverUrl.split('?');
  const base = address.replace(/^(mongodb(?:\+srv)?:\/\/[^/]+).*$/, '$1');
  return `${base}/${database}${options === undefined ? '' : `?${options}`}`;
}
