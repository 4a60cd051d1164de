import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { HoldfastError } from '@holdfast/contracts';
import Table from 'cli-table3';
import {
  backUp,
  type Circle,
  changeTenant,
  checkRepository,
  expectedNow,
  setUp,
  showReport,
} from './demo/circle.ts';
import { checkExport, loseMail, restoreEverything, restoreLoss, snapshotAll } from './demo/loss.ts';
import { type DemoOptions, parseOptions } from './demo/options.ts';
import { createScreen, showBytes } from './demo/screen.ts';
import { startMailServer } from './mailServer.ts';
import { ensureNatsServer } from './natsServer.ts';
import { startWorld } from './world.ts';

function summaryTable({ steps }: Circle): string {
  const table = new Table({
    ...(process.stdout.isTTY ? {} : { style: { head: [], border: [] } }),
    head: ['step', 'items', 'read', 'stored', 'requests', 'seconds', 'throttled s', 'gaps'],
  });
  for (const one of steps) {
    table.push([
      one.step,
      one.items,
      showBytes(one.bytesRead),
      showBytes(one.bytesStored),
      one.requests,
      one.seconds.toFixed(1),
      one.throttledSeconds.toFixed(1),
      one.gaps,
    ]);
  }
  return table.toString();
}

/** With mail of the user's own, or so few messages, every single one is restored and compared. */
const restoreAllUpTo = 1000;

async function goRound(circle: Circle, options: DemoOptions): Promise<void> {
  const { organization, repository, job } = await setUp(circle);
  await backUp(circle, job, 'first backup');
  await changeTenant(circle);
  const { run } = await backUp(circle, job, 'incremental backup');
  const expected = await expectedNow(circle);
  const wholeToo = options.mail !== undefined || options.mailboxes * options.messages <= restoreAllUpTo;
  const before = wholeToo ? await snapshotAll(circle) : new Map();
  const loss = await loseMail(circle, organization);
  await restoreLoss(circle, repository, loss);
  await checkExport(circle, repository, loss);
  if (wholeToo) await restoreEverything(circle, repository, organization, before);
  await checkRepository(circle, expected);
  await showReport(circle, run);
}

async function demonstrate(options: DemoOptions): Promise<boolean> {
  const screen = createScreen(options.json ? process.stderr : process.stdout);
  const dataDir =
    options.data === undefined ? mkdtempSync(join(tmpdir(), 'holdfast-demo-')) : resolve(options.data);
  mkdirSync(dataDir, { recursive: true });
  screen.title('Start everything on this machine');
  const natsServer = await ensureNatsServer((line) => screen.line(line));
  const mailServer = await startMailServer();
  const world = await startWorld({
    dataDir,
    natsServer,
    workers: options.workers,
    tenant: {
      mailboxes: options.mailboxes,
      messages: options.messages,
      seed: options.seed,
      ...(options.mail === undefined ? {} : { mail: options.mail }),
    },
    ...(options.store === undefined ? {} : { storeUrl: options.store }),
  });
  screen.line(
    `REST API ${world.stack.apiUrl}, simulated tenant ${world.tenant.url}, SMTP server on port ${mailServer.port}`,
  );
  const circle: Circle = { world, mailServer, screen, dataDir, steps: [], checks: [] };
  try {
    await goRound(circle, options);
    const ok = circle.checks.every((one) => one.ok);
    screen.title(ok ? 'Every check held' : 'NOT every check held');
    if (options.json)
      process.stdout.write(`${JSON.stringify({ ok, steps: circle.steps, checks: circle.checks })}\n`);
    else process.stdout.write(`${summaryTable(circle)}\n`);
    if (options.keep) await keepRunning(circle);
    return ok;
  } finally {
    await world.stop();
    await mailServer.close();
    if (options.data === undefined) rmSync(dataDir, { recursive: true, force: true });
  }
}

async function keepRunning({ world, dataDir, screen }: Circle): Promise<void> {
  screen.title('Still running; stop with Ctrl+C');
  screen.line(`REST API  ${world.stack.apiUrl}/api/v1`);
  screen.line(`token     ${world.stack.adminToken}`);
  screen.line(`tenant    ${world.tenant.url} (certificate ${world.tenant.caFile})`);
  screen.line(`data      ${dataDir}`);
  await new Promise<void>((done) => {
    process.once('SIGINT', () => done());
    process.once('SIGTERM', () => done());
  });
}

try {
  if (!(await demonstrate(parseOptions(process.argv.slice(2))))) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof HoldfastError) process.stderr.write(`${error.remedy ?? ''}\n`);
  else if (error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
}
