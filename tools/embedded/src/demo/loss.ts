import { createHash } from 'node:crypto';
import type {
  LedgerLine,
  Mailbox,
  Organization,
  RepositoryRecord,
  RestorePointRecord,
  RestoreSession,
} from '@holdfast/contracts';
import type { MessageSnapshot } from '@holdfast/exchange-simulator';
import { compareMessages } from '../compareMessages.ts';
import { listAll } from '../world.ts';
import { type Circle, check, secondsBetween } from './circle.ts';

/** What was lost: whole messages as they were, and what a restore needs to name them. */
export interface Loss {
  mailbox: Mailbox;
  folderId: string;
  folderPath: string;
  inFolder: MessageSnapshot[];
  single: MessageSnapshot[];
}

/** Deletes a whole folder and some messages of other folders in the mailbox that has most to lose. */
export async function loseMail(circle: Circle, organization: Organization): Promise<Loss> {
  const { control } = circle.world.tenant;
  circle.screen.title('Disaster: a folder and some messages are deleted at the source');
  const mailboxes = await listAll<Mailbox>(circle.world, `/organizations/${organization.id}/mailboxes`);
  for (const user of await control.users()) {
    const snapshot = await control.snapshot(user.id);
    const visible = snapshot.folders.filter(
      (one) => !one.isHidden && !one.wellKnownName?.startsWith('recoverable'),
    );
    const doomed = visible
      .filter((one) => one.wellKnownName === null && one.totalItemCount > 0)
      .sort((a, b) => b.totalItemCount - a.totalItemCount)[0];
    const mailbox = mailboxes.find((one) => one.userId === user.id);
    if (doomed === undefined || mailbox === undefined) continue;
    const below = (path: string) => path === doomed.path || path.startsWith(`${doomed.path}\t`);
    const inFolder = snapshot.messages.filter((message) => below(message.folderPath));
    const single = snapshot.messages
      .filter((message) => !below(message.folderPath) && visible.some((one) => one.id === message.folderId))
      .filter((message) => !message.isDraft)
      .slice(0, 5);
    await control.deleteFolder(user.id, doomed.id);
    for (const message of single) await control.deleteMessage(user.id, message.id, 'hard');
    const folderPath = doomed.path.split('\t').join('/');
    circle.screen.line(
      `${user.userPrincipalName}: folder "${folderPath}" with ${inFolder.length} messages, and ${single.length} others`,
    );
    return { mailbox, folderId: doomed.id, folderPath, inFolder, single };
  }
  throw new Error('no mailbox has a folder of its own with messages to lose');
}

const ended = new Set<string>(['success', 'warning', 'failed', 'cancelled']);

async function restore(
  circle: Circle,
  step: string,
  input: object,
): Promise<{ session: RestoreSession; ledger: LedgerLine[] }> {
  const { world, screen } = circle;
  const bar = screen.bar(step);
  let session = await world.api.post<RestoreSession>('/restores', input);
  while (!ended.has(session.state)) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    session = await world.api.get<RestoreSession>(`/restores/${session.id}`);
    bar.update(session.progress.itemsDone, session.progress.itemsTotal);
  }
  const { progress } = session;
  bar.finish(
    `${session.state}: ${progress.created} created, ${progress.skipped} skipped, ${progress.failed} failed, ${progress.different} different`,
  );
  circle.steps.push({
    step,
    items: progress.created,
    bytesRead: progress.bytes,
    bytesStored: 0,
    requests: progress.requests,
    seconds: secondsBetween(session.startedAt, session.finishedAt),
    throttledSeconds: progress.throttledSeconds,
    gaps: progress.failed,
  });
  const ledger = await listAll<LedgerLine>(world, `/restores/${session.id}/ledger`);
  for (const line of ledger
    .filter((one) => one.action === 'failed' || one.readBack === 'different')
    .slice(0, 10)) {
    screen.line(
      `${line.folderPath}: "${line.subject}": ${line.action} ${JSON.stringify(line.error ?? line.differences)}`,
    );
  }
  check(
    circle,
    `${step} succeeded`,
    session.state === 'success',
    `${ledger.length} ledger lines, ${JSON.stringify(session.error ?? session.state)}`,
  );
  return { session, ledger };
}

/** Restores what was lost from the newest restore point and compares what came back, property by property. */
export async function restoreLoss(circle: Circle, repository: RepositoryRecord, loss: Loss): Promise<void> {
  const { world, screen } = circle;
  screen.title('Restore what was lost from the restore point before');
  const user = loss.mailbox.userId;
  const before = new Set((await world.tenant.control.snapshot(user)).messages.map((message) => message.id));
  const common = { repositoryId: repository.id, mailboxId: loss.mailbox.id };
  const points = await listAll<RestorePointRecord>(
    world,
    `/mailboxes/${loss.mailbox.id}/restore-points?repositoryId=${repository.id}`,
  );
  const newest = points.reduce((a, b) => (a.time > b.time ? a : b));
  screen.line(`restore point of ${newest.time}: ${newest.itemsTotal} items in ${newest.folders} folders`);
  const folders = await restore(circle, 'restore of the folder', {
    ...common,
    pointId: newest.pointId,
    selection: { kind: 'folders', folders: [loss.folderId] },
  });
  const items = await restore(circle, 'restore of single messages', {
    ...common,
    pointId: newest.pointId,
    selection: { kind: 'items', items: loss.single.map(({ folderId, id }) => ({ folderId, itemKey: id })) },
  });
  const after = await world.tenant.control.snapshot(user);
  const back = after.messages.filter((message) => !before.has(message.id));
  const differences = compareMessages([...loss.inFolder, ...loss.single], back);
  for (const one of differences.slice(0, 20)) {
    screen.line(`${one.folderPath}: "${one.subject}": ${one.property} was ${one.expected}, is ${one.actual}`);
  }
  const lost = loss.inFolder.length + loss.single.length;
  check(
    circle,
    'what came back equals what was lost',
    differences.length === 0 && back.length === lost,
    `${back.length} of ${lost} messages, ${differences.length} differences`,
  );
  const equal = [...folders.ledger, ...items.ledger].filter((line) => line.readBack === 'equal').length;
  check(circle, 'every restored message was read back and is equal', equal === lost, `${equal} of ${lost}`);
  const statistics = await world.tenant.control.statistics();
  check(
    circle,
    'nothing was sent to anybody',
    statistics.sentMail.length === 0 && statistics.invitations.length === 0,
    `${statistics.sentMail.length} mails, ${statistics.invitations.length} invitations`,
  );
}

/** Downloads a few messages through the public API and compares them with the source. */
export async function checkExport(circle: Circle, repository: RepositoryRecord, loss: Loss): Promise<void> {
  const { world } = circle;
  const points = await listAll<RestorePointRecord>(
    world,
    `/mailboxes/${loss.mailbox.id}/restore-points?repositoryId=${repository.id}`,
  );
  const point = points.reduce((a, b) => (a.time > b.time ? a : b));
  let equal = 0;
  for (const message of loss.single) {
    const place = `/restore-points/${encodeURIComponent(point.id)}/folders/${encodeURIComponent(message.folderId)}/items/${encodeURIComponent(message.id)}/mime`;
    const bytes = await world.api.bytes(place);
    if (createHash('sha256').update(bytes).digest('hex') === message.mimeSha256) equal += 1;
  }
  check(
    circle,
    'messages downloaded through the API are the same bytes',
    equal === loss.single.length,
    `${equal} of ${loss.single.length}`,
  );
}

const restoredBelow = 'Restored by Holdfast';

/** What every mailbox holds now, message by message; for tenants that fit in memory. */
export async function snapshotAll(circle: Circle): Promise<Map<string, MessageSnapshot[]>> {
  const { control } = circle.world.tenant;
  const all = new Map<string, MessageSnapshot[]>();
  for (const user of await control.users()) {
    const { folders, messages } = await control.snapshot(user.id);
    const left = new Set(
      folders.filter((one) => one.wellKnownName?.startsWith('recoverable')).map((one) => one.id),
    );
    all.set(
      user.id,
      messages.filter((message) => !left.has(message.folderId)),
    );
  }
  return all;
}

/** Restores every mailbox whole beside what is there, and compares every message with what the source had. */
export async function restoreEverything(
  circle: Circle,
  repository: RepositoryRecord,
  organization: Organization,
  before: Map<string, MessageSnapshot[]>,
): Promise<void> {
  const { world, screen } = circle;
  screen.title(`Restore every mailbox whole, into its folder "${restoredBelow}"`);
  const mailboxes = await listAll<Mailbox>(world, `/organizations/${organization.id}/mailboxes`);
  let restored = 0;
  let differences = 0;
  for (const mailbox of mailboxes) {
    await restore(circle, `restore of ${mailbox.address}`, {
      repositoryId: repository.id,
      mailboxId: mailbox.id,
      selection: { kind: 'mailbox' },
      target: { folderPath: `/${restoredBelow}` },
    });
    const prefix = `${restoredBelow}\t`;
    const back = (await world.tenant.control.snapshot(mailbox.userId)).messages
      .filter((message) => message.folderPath.startsWith(prefix))
      .map((message) => ({ ...message, folderPath: message.folderPath.slice(prefix.length) }));
    const found = compareMessages(before.get(mailbox.userId) ?? [], back);
    for (const one of found.slice(0, 20)) {
      screen.line(
        `${one.folderPath}: "${one.subject}": ${one.property} was ${one.expected}, is ${one.actual}`,
      );
    }
    restored += back.length;
    differences += found.length;
  }
  const total = [...before.values()].reduce((sum, messages) => sum + messages.length, 0);
  check(
    circle,
    'every message came back with every property that can be set',
    differences === 0 && restored === total,
    `${restored} of ${total} messages, ${differences} differences`,
  );
}
