// Runs the checks and all test projects, cheap ones first, and ends with one line of totals.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
const results = mkdtempSync(join(tmpdir(), 'holdfast-tests-'));
const totals = { passed: 0, failed: 0, skipped: 0 };
/** Test files that failed and passed when they were repeated: defects all the same, named at the end. */
const unsteady: string[] = [];
/** More failures than that are no matter of chance. */
const mostRepeated = 3;

interface FileResult {
  /** Path of the file. */
  name: string;
  status: 'passed' | 'failed' | 'skipped' | 'pending';
  assertionResults: { status: string }[];
}

/** Runs jest and reads what became of each file. Undefined when jest itself did not get that far. */
function runJest(name: string, args: string[]): FileResult[] | undefined {
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
    return (JSON.parse(readFileSync(outputFile, 'utf8')) as { testResults: FileResult[] }).testResults;
  } catch (error) {
    process.stderr.write(`${name}: no result (exit ${ended.status}): ${String(error)}\n`);
    return undefined;
  }
}

/** Adds the tests of a file; one that could not run counts as a failed test. */
function count({ status, assertionResults }: FileResult): void {
  for (const { status: outcome } of assertionResults) {
    if (outcome === 'passed') totals.passed += 1;
    else if (outcome === 'failed') totals.failed += 1;
    else totals.skipped += 1;
  }
  if (status === 'failed' && !assertionResults.some((one) => one.status === 'failed')) totals.failed += 1;
}

/**
 * Runs projects and adds their counts. A file that fails is run once more: these tests kill processes and share the
 * machine, and one verdict by chance must not hide the others. It passes only when all of it passes then, and is named.
 */
function runProjects(name: string, args: string[]): void {
  const files = runJest(name, args);
  if (files === undefined) {
    totals.failed += 1;
    return;
  }
  const failed = files.filter(({ status }) => status === 'failed');
  const repeat = failed.length <= mostRepeated ? failed : [];
  for (const file of files) if (!repeat.includes(file)) count(file);
  for (const file of repeat) {
    process.stderr.write(`failed, run once more: ${relative(root, file.name)}\n`);
    const again = runJest(`${name}-again`, ['--runInBand', '--runTestsByPath', file.name])?.find(
      (one) => one.name === file.name,
    );
    count(again ?? file);
    if (again?.status === 'passed') unsteady.push(relative(root, file.name));
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
for (const file of unsteady)
  process.stdout.write(`passed only when repeated, a defect to be found: ${file}\n`);
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exitCode = totals.failed === 0 ? 0 : 1;
