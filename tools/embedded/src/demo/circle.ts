import { join } from 'node:path';
import type { Job, Organization, RepositoryRecord, Run, RunTask } from '@holdfast/contracts';
import { compareRepository, type ExpectedMessage, expectedOf } from '../compareRepository.ts';
import type { MailServer } from '../mailServer.ts';
import {
  addJob,
  addOrganization,
  addRepository,
  demoPassphrase,
  listAll,
  runJob,
  useMailServer,
  verifyOrganization,
  type World,
} from '../world.ts';
import { waitForMail } from './report.ts';
import { type Screen, showBytes } from './screen.ts';

/** One line of the summary table. */
export interface StepSummary {
  step: string;
  items: number;
  bytesRead: number;
  bytesStored: number;
  requests: number;
  seconds: number;
  throttledSeconds: number;
  gaps: number;
}

export interface Check {
  name: string;
  ok: boolean;
  detail: string;
}

/** The state that the steps hand on to each other. */
export interface Circle {
  world: World;
  mailServer: MailServer;
  screen: Screen;
  dataDir: string;
  steps: StepSummary[];
  checks: Check[];
}

export const secondsBetween = (from: string | undefined, to: string | undefined): number =>
  from === undefined || to === undefined ? 0 : (Date.parse(to) - Date.parse(from)) / 1000;

export function check(circle: Circle, name: string, ok: boolean, detail: string): void {
  circle.checks.push({ name, ok, detail });
  circle.screen.check(name, ok, detail);
}

/** Mail settings, organization with its checks, repository, job. */
export async function setUp(
  circle: Circle,
): Promise<{ organization: Organization; repository: RepositoryRecord; job: Job }> {
  const { world, screen, mailServer } = circle;
  await useMailServer(world, mailServer.port);
  screen.title('Connect the organization');
  const organization = await addOrganization(world);
  const { checks } = await verifyOrganization(world, organization.id);
  for (const one of checks) screen.check(one.name, one.result !== 'failure', one.meaning);
  check(
    circle,
    'organization verified',
    checks.every((one) => one.result !== 'failure'),
    `${checks.length} checks`,
  );
  screen.title('Create a repository and a job');
  const repository = await addRepository(world, join(circle.dataDir, 'repository'));
  screen.line(`repository "${repository.name}" in ${repository.backend.path}`);
  const job = await addJob(world, { organizationId: organization.id, repositoryId: repository.id });
  screen.line(`job "${job.name}": the whole organization, ${job.options.concurrency} mailboxes at a time`);
  return { organization, repository, job };
}

/** Runs the job with a bar and notes a line of the summary. */
export async function backUp(
  circle: Circle,
  job: Job,
  step: string,
): Promise<{ run: Run; tasks: RunTask[] }> {
  const { world, screen } = circle;
  screen.title(step);
  const bar = screen.bar('mailboxes');
  const run = await runJob(world, job.id, ({ tasks }) => {
    bar.update(tasks.success + tasks.warning + tasks.failed + tasks.stopped, tasks.total);
  });
  const tasks = await listAll<RunTask>(world, `/runs/${run.id}/tasks`);
  const { totals } = run;
  bar.finish(
    `${run.state}: ${tasks.length} mailboxes, ${totals.itemsNew} new, ${totals.itemsChanged} changed, ` +
      `${totals.itemsRemoved} removed, ${showBytes(totals.bytesRead)} read, ${showBytes(totals.bytesStored)} stored`,
  );
  circle.steps.push({
    step,
    items: totals.itemsNew + totals.itemsChanged + totals.itemsRemoved,
    bytesRead: totals.bytesRead,
    bytesStored: totals.bytesStored,
    requests: totals.requests,
    seconds: secondsBetween(run.startedAt, run.finishedAt),
    throttledSeconds: totals.throttledSeconds,
    gaps: totals.gapsOpen,
  });
  const failed = tasks.filter((task) => task.state === 'failed');
  check(
    circle,
    `${step} succeeded`,
    run.state === 'success',
    run.state === 'success'
      ? `${tasks.length} mailboxes`
      : JSON.stringify(run.error ?? failed[0]?.error ?? run.state),
  );
  return { run, tasks };
}

/** New, changed, moved and deleted messages in every mailbox, a new folder and a renamed one. */
export async function changeTenant(circle: Circle): Promise<void> {
  const { control } = circle.world.tenant;
  circle.screen.title('The tenant changes');
  for (const user of await control.users()) {
    const made = await control.churn(user.id, { new: 5, changed: 4, moved: 3, deleted: 2 });
    await control.addFolder(user.id, 'Projects / 2026 🚀');
    const own = (await control.folders(user.id)).find(
      (folder) => folder.wellKnownName === null && !folder.isHidden && folder.totalItemCount > 0,
    );
    if (own !== undefined) await control.renameFolder(user.id, own.id, `${own.displayName} (renamed)`);
    circle.screen.line(
      `${user.userPrincipalName}: ${made.new.length} new, ${made.changed.length} changed, ${made.moved.length} moved, ` +
        `${made.deleted.length} deleted, a folder new${own === undefined ? '' : ', a folder renamed'}`,
    );
  }
}

/** Everything the source holds now, for the check of the repository. */
export async function expectedNow(circle: Circle): Promise<Map<string, ExpectedMessage[]>> {
  const { control } = circle.world.tenant;
  const expected = new Map<string, ExpectedMessage[]>();
  for (const user of await control.users()) expected.set(user.id, await expectedOf(control, user.id));
  return expected;
}

/** Reads every message back from the repository alone and compares the bytes. */
export async function checkRepository(
  circle: Circle,
  expected: Map<string, ExpectedMessage[]>,
): Promise<void> {
  circle.screen.title('Check the repository: every message, byte for byte, with the passphrase alone');
  const total = [...expected.values()].reduce((sum, messages) => sum + messages.length, 0);
  const bar = circle.screen.bar('messages');
  let done = 0;
  const place = {
    path: join(circle.dataDir, 'repository'),
    passphrase: demoPassphrase,
    cacheDir: join(circle.dataDir, 'check-cache'),
  };
  const result = await compareRepository(place, circle.world.tenant.tenantId, expected, () => {
    done += 1;
    bar.update(done, total);
  });
  bar.finish(`${result.messages} of ${total} messages, ${showBytes(result.bytes)}`);
  for (const difference of result.differences.slice(0, 10)) circle.screen.line(difference);
  check(
    circle,
    'repository returns every message as the source served it',
    result.differences.length === 0 && result.messages === total,
    `${result.messages} of ${total}, ${result.differences.length} differences`,
  );
}

/** Shows the report that arrived for a run. */
export async function showReport(circle: Circle, run: Run): Promise<void> {
  circle.screen.title('The report in the mailbox of the administrator');
  const mail = await waitForMail(circle.mailServer, run.jobName, 60_000);
  check(circle, 'a report arrived by e-mail', mail !== undefined, mail?.subject ?? 'nothing within a minute');
  for (const line of (mail?.text ?? '').split('\n').slice(0, 24)) circle.screen.line(`│ ${line}`);
}
