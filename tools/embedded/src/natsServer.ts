import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync } from 'node:fs';
import { homedir, platform } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { HoldfastError } from '@holdfast/contracts';

const run = promisify(execFile);

/** Where package managers put it although a user's PATH may not show it. */
const extraFolders = ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin', '/opt/homebrew/bin'];

/** The release that is built where a Go toolchain is the only way; Go checks it against its checksum database. */
const pinnedRelease = 'github.com/nats-io/nats-server/v2@v2.15.2';

const toolsFolder = (): string =>
  process.env.HOLDFAST_TOOLS_DIR ?? join(homedir(), '.cache', 'holdfast-tools');

/** Path of a nats-server on this machine, or undefined. Looks at HOLDFAST_NATS_SERVER, PATH and the usual folders. */
export function findNatsServer(): string | undefined {
  const named = process.env.HOLDFAST_NATS_SERVER;
  if (named !== undefined) return named;
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...extraFolders, toolsFolder()];
  return folders.map((folder) => join(folder, 'nats-server')).find(isExecutable);
}

function isExecutable(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EACCES') return false;
    throw error;
  }
}

/** A way to get nats-server: what is said while it works, whether it can work here, and how. */
interface Way {
  name: string;
  possible: () => boolean;
  install: () => Promise<void>;
}

const isRoot = (): boolean => process.getuid?.() === 0;
const has = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => isExecutable(join(folder, program)));

/** Keeps Debian's package from starting a server of its own on port 4222. */
const noServiceStart = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };

const ways: Way[] = [
  {
    name: 'apt-get install nats-server',
    possible: () => platform() === 'linux' && isRoot() && has('apt-get'),
    install: async () => {
      await run('apt-get', ['update'], { env: noServiceStart });
      await run('apt-get', ['install', '-y', '--no-install-recommends', 'nats-server'], {
        env: noServiceStart,
      });
    },
  },
  {
    name: 'brew install nats-server',
    possible: () => platform() === 'darwin' && has('brew'),
    install: async () => {
      await run('brew', ['install', 'nats-server']);
    },
  },
  {
    name: `go install ${pinnedRelease}`,
    possible: () => has('go'),
    install: async () => {
      mkdirSync(toolsFolder(), { recursive: true });
      await run('go', ['install', pinnedRelease], { env: { ...process.env, GOBIN: toolsFolder() } });
    },
  },
];

/**
 * Finds nats-server, or installs it the first way that is possible here: the system's package manager (as root),
 * Homebrew, or the pinned release through Go.
 *
 * @throws HoldfastError `nats-server-missing` (configuration) that says what to do.
 */
export async function ensureNatsServer(say: (line: string) => void): Promise<string> {
  const found = findNatsServer();
  if (found !== undefined) return found;
  const tried: string[] = [];
  for (const way of ways.filter((candidate) => candidate.possible())) {
    say(`nats-server is not installed; trying: ${way.name}`);
    try {
      await way.install();
    } catch (error) {
      tried.push(`${way.name}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
      continue;
    }
    const installed = findNatsServer();
    if (installed !== undefined) return installed;
    tried.push(`${way.name}: ran, but no nats-server appeared`);
  }
  throw new HoldfastError(
    'nats-server-missing',
    'configuration',
    `nats-server was not found${tried.length === 0 ? '' : ` and could not be installed (${tried.join('; ')})`}.`,
    {
      remedy:
        'Install nats-server 2.9 or newer (Debian, Ubuntu: "sudo apt-get install nats-server"; macOS: "brew install ' +
        'nats-server"; others: https://github.com/nats-io/nats-server/releases), or name the program in ' +
        'HOLDFAST_NATS_SERVER, and run the command again.',
    },
  );
}
