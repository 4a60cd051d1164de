import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { databaseUrl, startMongoServer } from '@holdfast/store/testing';
import { expect, jest, test } from '@jest/globals';

jest.setTimeout(600_000);

const root = fileURLToPath(new URL('../..', import.meta.url));
const corpus = resolve(process.env.HOLDFAST_SHARED ?? resolve(root, '../shared'), 'mail-corpus');
const run = promisify(execFile);

interface Summary {
  ok: boolean;
  checks: { name: string; ok: boolean; detail: string }[];
  steps: { step: string; items: number; gaps: number }[];
}

/** Runs the demonstration as a user does and returns its summary. */
async function demonstrate(...args: string[]): Promise<Summary> {
  const program = [resolve(root, 'tools/embedded/src/demo.ts'), '--json', ...args];
  const node = resolve(root, 'node_modules/.bin/node');
  const outcome = await run(node, ['--disable-warning=ExperimentalWarning', ...program], {
    maxBuffer: 1 << 26,
  }).catch((error: { stdout?: string; stderr?: string }) => {
    if (error.stdout) return { stdout: error.stdout };
    throw new Error(`the demonstration failed:\n${error.stderr?.slice(-4000)}`);
  });
  return JSON.parse(outcome.stdout) as Summary;
}

const failed = (summary: Summary) => summary.checks.filter((check) => !check.ok);

test('the full circle on SQLite: back up, change, back up, lose, restore, report', async () => {
  const summary = await demonstrate('--mailboxes', '2', '--messages', '60', '--workers', '2');
  expect(failed(summary)).toEqual([]);
  expect(summary.ok).toBe(true);
  expect(summary.steps.filter((step) => step.gaps > 0)).toEqual([]);
});

test('the full circle on a server of the MongoDB protocol', async () => {
  const server = await startMongoServer();
  if ('skipped' in server) {
    process.stderr.write(`skipped: the full circle on MongoDB: ${server.skipped}\n`);
    return;
  }
  try {
    const store = databaseUrl(server.url, 'circle');
    const summary = await demonstrate('--mailboxes', '2', '--messages', '20', '--store', store);
    expect(failed(summary)).toEqual([]);
    expect(summary.ok).toBe(true);
  } finally {
    await server.stop();
  }
});

const title = 'the full circle over real and nasty messages';
if (existsSync(corpus)) {
  test(title, async () => {
    const summary = await demonstrate('--mail', corpus);
    expect(failed(summary)).toEqual([]);
    expect(summary.ok).toBe(true);
  });
} else {
  process.stderr.write(`skipped: ${title}: there is no ${corpus}\n`);
  test.skip(title, () => undefined);
}
