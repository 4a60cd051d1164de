import {
  collections,
  type EventName,
  type HoldfastEvent,
  makeEvent,
  type Notification,
  type Run,
  type Settings,
} from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import { memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createMetrics, silentLogger } from '@holdfast/runtime';
import { all, createSealer, type Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import { buildRestoreSession, type FakeClock, fakeClock } from '@holdfast/testing';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createHttpPoster } from './adapters/httpPoster.ts';
import { createSmtpMailer } from './adapters/smtpMailer.ts';
import { createNotifyMetrics } from './metrics.ts';
import type { Mailer } from './ports.ts';
import { type Notifier, startNotify } from './service.ts';
import { type MailServer, startMailServer } from './testing/mailServer.ts';
import { noTokens } from './testing/noTokens.ts';
import { noAlerts, sampleJob, sampleMail, sampleRun, sampleTask } from './testing/samples.ts';

// It ends what hangs, and decides nothing.
jest.setTimeout(120_000);
const hangsAfterMs = 100_000;

const sealer = createSealer({ keys: [{ id: 'k1', key: Buffer.alloc(32, 7) }] });
let server: MailServer;
let store: Store;
let broker: ReturnType<typeof memoryBroker>;
let clock: FakeClock;
let closers: (() => Promise<void>)[];
/** Messages on their way to the mail server. */
let inHand = 0;

beforeEach(async () => {
  server = await startMailServer();
  store = memoryStore();
  broker = memoryBroker();
  clock = fakeClock('2026-11-22T01:30:00.000Z');
  closers = [];
});
afterEach(async () => {
  for (const close of closers.reverse()) {
    let isClosed = false;
    const closing = close().finally(() => {
      isClosed = true;
    });
    while (!isClosed) await clock.advance(1_000);
    await closing;
  }
  await server.stop();
});

const messaging = (): Messaging => {
  const made = memoryMessaging({ broker });
  closers.push(() => made.close());
  return made;
};
const smtp = (): Mailer => {
  const mailer = createSmtpMailer({ sealer, tokens: noTokens, limitMs: 60_000 });
  return {
    async send(settings, message) {
      inHand += 1;
      try {
        return await mailer.send(settings, message);
      } finally {
        inHand -= 1;
      }
    },
  };
};

async function notifier(mailer: Mailer = smtp(), ports: { store?: Store } = {}): Promise<Notifier> {
  const started = await startNotify({
    store: ports.store ?? store,
    ...{ messaging: messaging(), mailer, clock, logger: silentLogger },
    metrics: createNotifyMetrics(createMetrics('notify')),
    catchUpMs: 60_000,
    sendLimitMs: 60_000,
    poster: createHttpPoster({ limitMs: 5_000, now: () => performance.now() }),
    secrets: sealer,
    ...{ webhookLimitMs: 5_000, webhooksAtOnce: 16, alertsMs: 60_000, version: '0.1.0' },
  });
  closers.push(() => started.stop());
  return started;
}

async function addSettings(given: Partial<NonNullable<Settings['mail']>> = {}): Promise<void> {
  await store.collection(collections.settings).insert({
    id: 'global',
    mail: sampleMail({ port: server.port, ...given }),
    alerts: noAlerts,
  });
}

async function addRun(given: Partial<Run> = {}): Promise<Run> {
  const jobs = store.collection(collections.jobs);
  if ((await jobs.get('job-1')) === undefined)
    await jobs.insert(sampleJob({ recipients: ['boss@contoso.example'] }));
  const run = sampleRun({ tasks: { total: 2, success: 1, warning: 1, failed: 0, stopped: 0 }, ...given });
  await store.collection(collections.runs).insert(run);
  await store
    .collection(collections.runTasks)
    .insert(sampleTask(0, { id: `${run.id}.mbx-0`, runId: run.id }));
  return run;
}

const completed = (run: Run): HoldfastEvent =>
  makeEvent('run.completed', {
    ...{ source: 'test', subject: run.id, key: run.id, time: '2026-11-22T01:25:07.000Z' },
    data: {
      ...{
        runId: run.id,
        jobId: run.jobId,
        organizationId: run.organizationId,
        repositoryId: run.repositoryId,
      },
      ...{ number: run.number, outcome: run.outcome ?? 'success', tasks: run.tasks, totals: run.totals },
      finishedAt: '2026-11-22T01:25:07.000Z',
    },
  });

const notification = async (id = 'run-report.run-1'): Promise<Notification | undefined> =>
  (await store.collection(collections.notifications).get(id))?.doc;

async function until(what: string, condition: () => Promise<boolean> | boolean, stepMs = 500): Promise<void> {
  const limit = performance.now() + hangsAfterMs;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error(`still not so: ${what}`);
    // The mail server is real, its answers need real time: meanwhile no claim may run out on the clock that is not.
    if (inHand === 0) await clock.advance(stepMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
const stateIs = (state: Notification['state'], id?: string) => async (): Promise<boolean> =>
  (await notification(id))?.state === state;
async function events(name: EventName): Promise<HoldfastEvent[]> {
  const found: HoldfastEvent[] = [];
  for await (const { doc } of all(store.collection(collections.events))) {
    if (doc.name === name) found.push(doc.event as unknown as HoldfastEvent);
  }
  return found;
}

describe('a run has ended', () => {
  test('its report goes to the global recipients and to those of the job, once', async () => {
    await addSettings();
    const run = await addRun();
    await notifier();
    await messaging().publishEvent(completed(run));
    await until('the report is sent', stateIs('sent'));
    expect(server.received.map(({ to }) => to)).toEqual([['it@contoso.example', 'boss@contoso.example']]);
    expect(server.received[0]?.mail).toMatchObject({
      subject: '[Holdfast] WARNING: Nightly: 1 of 2 mailboxes, 1 with gaps - 2026-11-22 02:10',
      messageId: '<run-report.run-1@contoso.example>',
    });
    expect(server.received[0]?.mail.text).toContain('user0@contoso.example');
    await until('the event is written', async () => (await events('notification.sent')).length === 1);
    expect((await events('notification.sent'))[0]?.data).toMatchObject({ refersTo: 'run-1', recipients: 2 });
  });

  test('an event that comes twice makes one message', async () => {
    await addSettings();
    const run = await addRun();
    await notifier();
    const publisher = messaging();
    await publisher.publishEvent(completed(run));
    await until('the report is sent', stateIs('sent'));
    broker.events.wipe();
    await publisher.publishEvent(completed(run));
    await clock.advance(120_000);
    await until('the event was taken', async () => (await notification())?.tries === 1);
    expect(server.received).toHaveLength(1);
  });

  test('an event that was lost is found in the control data', async () => {
    await addSettings();
    await notifier();
    await addRun();
    await until('the report is sent', stateIs('sent'), 5_000);
    expect(server.received).toHaveLength(1);
  });

  test('while the notifier was down: it is told of it afterwards', async () => {
    await addSettings();
    const run = await addRun();
    await messaging().publishEvent(completed(run));
    await notifier();
    await until('the report is sent', stateIs('sent'));
    expect(server.received).toHaveLength(1);
  });

  test('two notifiers at once send one message', async () => {
    await addSettings();
    const runs = [];
    for (let n = 1; n <= 5; n += 1) runs.push(await addRun({ id: `run-${n}` }));
    await notifier();
    await notifier();
    const publisher = messaging();
    for (const run of runs) await publisher.publishEvent(completed(run));
    for (const run of runs) await until(`${run.id} is reported`, stateIs('sent', `run-report.${run.id}`));
    await clock.advance(300_000);
    expect(server.received.map(({ mail }) => mail.messageId).sort()).toEqual(
      runs.map(({ id }) => `<run-report.${id}@contoso.example>`),
    );
  });

  test('without mail settings nothing is sent, and that is written down', async () => {
    await addRun();
    await notifier();
    await until('the notification is there', stateIs('suppressed'));
    expect((await notification())?.error).toMatchObject({
      code: 'mail-not-configured',
      remedy: expect.any(String),
    });
    expect(await events('notification.sent')).toEqual([]);
  });

  test('a run that was skipped is not reported', async () => {
    await addSettings();
    const run = await addRun({ state: 'skipped', outcome: 'skipped' });
    await notifier();
    await messaging().publishEvent(completed(run));
    await clock.advance(120_000);
    expect(await notification()).toBeUndefined();
  });
});

test('a restore has ended: its report says what was put back', async () => {
  await addSettings();
  const session = buildRestoreSession({
    state: 'warning',
    requestedAt: clock.iso(),
    finishedAt: clock.iso(),
  });
  session.progress = { ...session.progress, created: 3, failed: 1, deviated: 1 };
  session.plan = {
    ...{
      generation: 1,
      digest: 'd',
      madeAt: clock.iso(),
      items: 4,
      create: 4,
      skip: 0,
      overwrite: 0,
      rename: 0,
    },
    ...{ cannot: 2, partly: 0, bytes: 10, requests: 8, seconds: 2, foldersToCreate: 0 },
    ...{ approvalReasons: ['asked-for'], warnings: [] },
  };
  session.approvedBy = 'eve';
  await store.collection(collections.restoreSessions).insert(session);
  await store.collection(collections.restoreLedger).insert({
    id: 'restore-1.00000001',
    sessionId: 'restore-1',
    part: 0,
    taken: [],
    itemKey: 'item-1',
    folderPath: '/Inbox',
    subject: 'Contract',
    action: 'failed',
    readBack: 'not-read',
    differences: [],
    notRestored: [],
    error: {
      code: 'too-large',
      errorClass: 'permanent-item',
      message: 'larger than the mailbox takes',
      remedy: 'Raise the limit.',
    },
    at: clock.iso(),
  });
  await notifier();
  await until('the report is sent', stateIs('sent', 'restore-report.restore-1'));
  const { mail } = server.received[0] ?? {};
  expect(mail?.subject).toBe(
    '[Holdfast] WARNING: Restore of mbx-1@contoso.example: 3 items, 1 failed - 2026-11-22 01:30',
  );
  expect(mail?.text).toContain(
    '/Inbox: Contract\n  larger than the mailbox takes\n  What to do: Raise the limit.',
  );
  expect(mail?.html).toContain('What to do: Raise the limit.');
  for (const words of [
    '4 to create',
    '1 item done otherwise',
    '2 items that the backup does not have',
    'eve',
  ])
    expect(mail?.text).toContain(words);
});

test('a test message that somebody asked for is sent, and the lag tells how long it waited', async () => {
  await addSettings();
  const id = 'test.1';
  await store.collection(collections.notifications).insert({
    ...{
      id,
      kind: 'test',
      refersTo: 'settings',
      recipients: ['it@contoso.example'],
      subject: '[Holdfast] Test',
    },
    ...{ messageId: '<test.1@contoso.example>', state: 'pending', tries: 0, createdAt: clock.iso() },
  });
  server.behaviour = { refuseMessage: () => ({ code: 451, text: 'busy' }) };
  const running = await notifier();
  await until('a try has failed', async () => (await notification(id))?.error !== undefined);
  await clock.advance(20_000);
  expect(running.lagSeconds()).toBeGreaterThanOrEqual(20);
  server.behaviour = {};
  await until('it is sent', stateIs('sent', id));
  expect(server.received[0]?.mail.text).toContain('test message of Holdfast');
  await until('nothing waits any more', () => running.lagSeconds() === 0);
});

describe('the mail server is difficult', () => {
  test('greylists one recipient: he gets the report later, the others once', async () => {
    await addSettings();
    const opensAt = clock.now() + 5 * 60_000;
    server.behaviour = {
      refuseRecipient: (to) =>
        to === 'boss@contoso.example' && clock.now() < opensAt
          ? { code: 451, text: 'greylisted' }
          : undefined,
    };
    await addRun();
    await notifier();
    await until('the first has it', async () => ((await notification())?.delivered ?? []).length === 1);
    expect(await notification()).toMatchObject({ state: 'pending', delivered: ['it@contoso.example'] });
    await until('the report is sent', stateIs('sent'), 5_000);
    expect(server.received.map(({ to }) => to)).toEqual([['it@contoso.example'], ['boss@contoso.example']]);
    expect(new Set(server.received.map(({ mail }) => mail.messageId)).size).toBe(1);
  });

  test('refuses a recipient for good: the others have it, and the notification says who has not', async () => {
    await addSettings();
    server.behaviour = {
      refuseRecipient: (to) =>
        to === 'boss@contoso.example' ? { code: 550, text: 'no such user' } : undefined,
    };
    await addRun();
    await notifier();
    await until('the report is sent', stateIs('sent'));
    expect((await notification())?.error?.message).toContain('boss@contoso.example');
    await clock.advance(3_600_000);
    expect(server.received).toHaveLength(1);
  });

  test('drops the connection in DATA twice: the third try arrives', async () => {
    await addSettings();
    let drops = 2;
    server.behaviour = { dropInData: () => drops-- > 0 };
    await addRun();
    await notifier();
    await until('the report is sent', stateIs('sent'), 2_000);
    expect(await notification()).toMatchObject({ tries: 3 });
    expect(server.received).toHaveLength(1);
  });

  test('takes the message and dies before it says so: one repeat with the same Message-ID', async () => {
    await addSettings();
    let drops = 1;
    server.behaviour = { dropAfterData: () => drops-- > 0 };
    await addRun();
    await notifier();
    await until('the report is sent', stateIs('sent'), 2_000);
    expect(server.received.map(({ mail }) => mail.messageId)).toEqual([
      '<run-report.run-1@contoso.example>',
      '<run-report.run-1@contoso.example>',
    ]);
  });

  test('is away for more than a day: given up, with an event that says why', async () => {
    const { port } = server;
    await addSettings();
    await server.stop();
    server = await startMailServer();
    expect(server.port).not.toBe(port);
    await addRun();
    await notifier();
    await until('it is given up', stateIs('failed'), 600_000);
    expect((await notification())?.error).toMatchObject({
      code: 'mail-unreachable',
      remedy: expect.any(String),
    });
    await until('the event is written', async () => (await events('notification.failed')).length === 1);
  });

  test('settings are corrected while a report waits: the next try uses them', async () => {
    await addSettings({ port: 1 });
    await addRun();
    await notifier();
    await until('a try has failed', async () => (await notification())?.error !== undefined);
    const settings = store.collection(collections.settings);
    const found = await settings.get('global');
    const mail = found?.doc.mail;
    if (found === undefined || mail === undefined) throw new Error('no settings');
    await settings.replace({ ...found.doc, mail: { ...mail, port: server.port } }, found.version);
    await until('the report is sent', stateIs('sent'), 2_000);
    expect(server.received).toHaveLength(1);
  });
});

describe('P4: the notifier dies', () => {
  /** A store that fails for ever from the nth write of a notification on. */
  function dyingAt(write: number, when: 'before' | 'after'): Store & { readonly isDead: boolean } {
    let writes = 0;
    let isDead = false;
    const die = (): never => {
      isDead = true;
      throw new Error('killed');
    };
    return {
      ...store,
      get isDead() {
        return isDead;
      },
      collection: (declaration: Parameters<Store['collection']>[0]) =>
        new Proxy(store.collection(declaration), {
          get(target, key) {
            const value: unknown = Reflect.get(target, key, target);
            if (typeof value !== 'function') return value;
            return async (...args: unknown[]) => {
              if (isDead) die();
              const counts = ['insert', 'replace'].includes(String(key));
              if (counts) writes += 1;
              if (counts && writes === write && when === 'before') die();
              const result: unknown = await value.apply(target, args);
              if (counts && writes === write) die();
              return result;
            };
          },
        }),
    } as Store & { readonly isDead: boolean };
  }

  const points = [1, 2, 3, 4, 5].flatMap((write) => [[write, 'before'] as const, [write, 'after'] as const]);

  test.each(points)(
    'at write %d (%s it): the report is sent, at most once more, with one event',
    async (write, when) => {
      await addSettings();
      await addRun();
      const dying = dyingAt(write, when);
      await notifier(smtp(), { store: dying });
      await until('it is dead or has sent', async () => dying.isDead || (await stateIs('sent')()));
      await notifier();
      await until('the report is sent', stateIs('sent'), 5_000);
      await until('the event is written', async () => (await events('notification.sent')).length === 1);
      await clock.advance(600_000);
      const ids = server.received.map(({ mail }) => mail.messageId);
      expect(new Set(ids)).toEqual(new Set(['<run-report.run-1@contoso.example>']));
      expect(ids.length).toBeLessThanOrEqual(2);
      expect(await events('notification.sent')).toHaveLength(1);
    },
  );
});
