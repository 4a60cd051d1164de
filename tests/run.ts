// Runs the checks and all test projects, cheap ones first, and ends with one line of totals.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
const results = mkdtempSync(join(tmpdir(), 'holdfast-tests-'));
const totals = { passed: 0, failed: 0, skipped: 0 };

interface JestResult {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  numRuntimeErrorTestSuites: number;
}

/** Runs jest on projects and adds its counts; a suite that could not run counts as a failed test. */
function runProjects(name: string, args: string[]): void {
  const outputFile = join(results, `${name}.json`);
  const ended = spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--disable-warning=ExperimentalWarning',
      join(root, 'node_modules/jest/bin/jest.js'),
      ...args,
      '--passWithNoTests',
      // A test that failed may leave a connection open; the verdict stands, and waiting for it would take for ever.
      '--forceExit',
      '--json',
      `--outputFile=${outputFile}`,
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  try {
    const result = JSON.parse(readFileSync(outputFile, 'utf8')) as JestResult;
    totals.passed += result.numPassedTests;
    totals.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    totals.skipped += result.numPendingTests + result.numTodoTests;
  } catch (error) {
    process.stderr.write(`${name}: no result (exit ${ended.status}): ${String(error)}\n`);
    totals.failed += 1;
  }
}

for (const check of ['check:types', 'check:lint', 'check:boundaries']) {
  const ended = spawnSync('npm', ['run', '--silent', check], { cwd: root, stdio: 'inherit' });
  if (ended.status === 0) totals.passed += 1;
  else totals.failed += 1;
}
runProjects('unit', ['--selectProjects', 'unit']);
// One after the other: each starts servers and processes of its own on the same cores.
runProjects('system', ['--selectProjects', 'contract', 'model', 'compat', 'e2e', 'faults', '--runInBand']);

rmSync(results, { recursive: true });
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exitCode = totals.failed === 0 ? 0 : 1;
