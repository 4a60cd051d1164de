import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ControlRefused, simulatorControl } from '../client.ts';
import { IMMUTABLE, openSession, type Session, walkDelta } from '../testing/session.ts';

let session: Session;
let user: string;
let inbox: string;

beforeEach(async () => {
  session = await openSession({ messages: 60 });
  user = session.users[0]!;
  inbox = `/users/${user}/mailFolders/inbox/messages`;
});
afterEach(() => session.close());

const firstId = async () =>
  (await session.get(`${inbox}?$top=1&$select=id`, IMMUTABLE)).json.value[0].id as string;

describe('the fault plan', () => {
  test('answers with a status as often as it is told, with a code and Retry-After or with nothing', async () => {
    await session.control.addFault({
      kind: 'messages.list',
      times: 2,
      action: { type: 'status', status: 503, code: 'serviceNotAvailable', retryAfter: '1.5' },
    });
    await session.control.addFault({
      kind: 'folders.list',
      times: 1,
      action: { type: 'status', status: 503 },
    });
    for (let at = 0; at < 2; at++) {
      const answer = await session.get(inbox);
      expect([answer.status, answer.json.error.code, answer.headers.get('retry-after')]).toEqual([
        503,
        'serviceNotAvailable',
        '1.5',
      ]);
    }
    expect((await session.get(inbox)).status).toBe(200);
    const empty = await session.get(`/users/${user}/mailFolders`);
    expect([empty.status, empty.bytes.length]).toEqual([503, 0]);
    expect((await session.control.faults()).map((one) => one.struck)).toEqual([2, 1]);
  });

  test('strikes one message by any of its names, for ever', async () => {
    const id = await firstId();
    const { internetMessageId } = await session.control.message(user, id);
    await session.control.addFault({
      message: internetMessageId,
      kind: 'message.value',
      action: { type: 'corrupt' },
    });
    const regular = (await session.get(`${inbox}?$top=2&$select=id`)).json.value;
    for (const one of [id, regular[0].id]) {
      const answer = await session.get(`/users/${user}/messages/${one}/$value`);
      expect([answer.status, answer.json.error.code]).toEqual([500, 'ErrorCorruptData']);
    }
    expect((await session.get(`/users/${user}/messages/${regular[1].id}/$value`)).status).toBe(200);
    expect((await session.get(`/users/${user}/messages/${id}`)).status).toBe(200);
  });

  test('lets a message vanish between list and get', async () => {
    const walk = await walkDelta(session, `${inbox}/delta?$select=id`);
    await session.control.addFault({ kind: 'message.value', times: 1, action: { type: 'vanish' } });
    const id = String(walk.values[0]!.id);
    expect((await session.get(`/users/${user}/messages/${id}/$value`, IMMUTABLE)).json.error.code).toBe(
      'ErrorItemNotFound',
    );
    expect((await walkDelta(session, walk.deltaLink)).values).toEqual([
      { '@odata.type': '#microsoft.graph.message', id, '@removed': { reason: 'deleted' } },
    ]);
  });

  test('cuts the connection in the middle of a body', async () => {
    await session.control.addFault({ path: '/\\$value$', times: 1, action: { type: 'reset' } });
    const path = `/users/${user}/messages/${await firstId()}/$value`;
    await expect(session.get(path)).rejects.toThrow();
    expect((await session.get(path)).status).toBe(200);
  });

  test('passes some first, hits one folder or one mailbox, refuses a token, and draws by its seed', async () => {
    await session.control.addFault({
      kind: 'folder.get',
      folder: 'sentitems',
      after: 1,
      times: 1,
      action: { type: 'expiredToken' },
    });
    const folder = (name: string) => session.get(`/users/${user}/mailFolders/${name}`);
    expect([
      (await folder('sentitems')).status,
      (await folder('inbox')).status,
      (await folder('sentitems')).status,
    ]).toEqual([200, 200, 401]);
    await session.control.clearFaults();
    const id = await session.control.addFault({
      mailbox: session.users[1]!,
      probability: 0.3,
      action: { type: 'status', status: 500 },
    });
    let struck = 0;
    for (let at = 0; at < 60; at++)
      if ((await session.get(`/users/${session.users[1]}/mailFolders/inbox`)).status === 500) struck++;
    expect(struck).toBeGreaterThan(6);
    expect(struck).toBeLessThan(36);
    expect((await folder('inbox')).status).toBe(200);
    await session.control.removeFault(id);
    expect(await session.control.faults()).toEqual([]);
  });

  test('takes whole services down', async () => {
    await session.control.setOutage('graph', { status: 503 });
    expect((await session.get('/users')).status).toBe(503);
    expect((await session.signIn()).status).toBe(200);
    await session.control.setOutage('graph', null);
    await session.control.setOutage('entra', 'reset');
    await expect(session.signIn()).rejects.toThrow();
    expect((await session.get('/users')).status).toBe(200);
  });
});

describe('a look into a mailbox', () => {
  test('shows every message with hashes that agree with what Graph serves', async () => {
    const { createHash } = await import('node:crypto');
    const { folders, messages } = await session.control.snapshot(user);
    expect(messages).toHaveLength(60);
    expect(folders.map((folder) => folder.path)).toContain('Archiv 2024/25 📁\tKunden & Partner');
    for (const one of messages.slice(0, 10)) {
      const mime = await session.get(`/users/${user}/messages/${one.id}/$value`);
      expect(createHash('sha256').update(mime.bytes).digest('hex')).toBe(one.mimeSha256);
      const { json } = await session.get(
        `/users/${user}/messages/${one.id}?$select=body,isRead,subject,changeKey`,
      );
      expect(createHash('sha256').update(json.body.content).digest('hex')).toBe(one.bodySha256);
      expect(json).toMatchObject({ isRead: one.isRead, subject: one.subject, changeKey: one.changeKey });
    }
  });

  test('changes are visible at once: state, body, place, removal', async () => {
    const [a, b, c] = (await session.control.snapshot(user)).messages;
    await session.control.changeState(user, a!.id, {
      isRead: !a!.isRead,
      flagStatus: 'flagged',
      categories: ['X'],
      importance: 'high',
    });
    expect(await session.control.message(user, a!.id)).toMatchObject({
      isRead: !a!.isRead,
      flag: { flagStatus: 'flagged' },
      categories: ['X'],
      importance: 'high',
      mimeSha256: a!.mimeSha256,
    });
    await session.control.changeBody(user, b!.id);
    const changed = await session.control.message(user, b!.id);
    expect([
      changed.internetMessageId,
      changed.bodySha256 === b!.bodySha256,
      changed.mimeSha256 === b!.mimeSha256,
    ]).toEqual([b!.internetMessageId, false, false]);
    await session.control.moveMessage(user, c!.id, 'archive');
    expect((await session.control.message(user, c!.id)).folderPath).toBe('Archive');
    await session.control.deleteMessage(user, c!.id, 'hard');
    await expect(session.control.message(user, c!.id)).rejects.toThrow(RangeError);
  });

  test('a message is added from its bytes', async () => {
    const mime = Buffer.from(
      'From: a@b.example\r\nSubject: added\r\nMessage-ID: <added@b.example>\r\n\r\nhi\r\n',
    );
    const id = await session.control.addMessage(user, 'inbox', mime.toString('base64'), { isRead: true });
    expect(Buffer.from(await session.control.mime(user, id), 'base64').equals(mime)).toBe(true);
    expect(await session.control.message(user, '<added@b.example>')).toMatchObject({
      id,
      isRead: true,
      isDraft: false,
      subject: 'added',
    });
  });

  test('churn is the same for the same seed and history', async () => {
    const churn = { new: 3, changed: 4, moved: 2, deleted: 2 };
    const other = await openSession({ messages: 60, now: () => 1_800_000_000_000 });
    const third = await openSession({ messages: 60, now: () => 1_800_000_000_000 });
    try {
      expect(await other.control.churn(user, churn)).toEqual(await third.control.churn(user, churn));
      expect((await other.control.snapshot(user)).messages).toEqual(
        (await third.control.snapshot(user)).messages,
      );
    } finally {
      await other.close();
      await third.close();
    }
  });
});

describe('the control API over HTTPS', () => {
  test('does what the object in the process does', async () => {
    const remote = simulatorControl(session.simulator.url, session.simulator.caFile);
    expect(await remote.tenants()).toEqual(await session.control.tenants());
    expect(await remote.snapshot(user)).toEqual(await session.control.snapshot(user));
    const streamed = [];
    for await (const one of remote.messages(user)) streamed.push(one);
    expect(streamed).toHaveLength(60);
    await remote.setLimits({ concurrency: 2 });
    expect((await session.control.limits()).concurrency).toBe(2);
    await remote.setOutage('graph', { status: 500 });
    expect((await session.get('/users')).status).toBe(500);
    await remote.setOutage('graph', null);
    expect((await session.get('/users')).status).toBe(200);
    const added = await remote.addFolder(user, 'Remote');
    expect((await session.control.folders(user)).find((folder) => folder.id === added.id)?.displayName).toBe(
      'Remote',
    );
  });

  test('takes a message larger than Graph would', async () => {
    const remote = simulatorControl(session.simulator.url, session.simulator.caFile);
    const mime = Buffer.concat([
      Buffer.from('Subject: large\r\n\r\n'),
      Buffer.alloc(3_500_000, `${'x'.repeat(200)}\r\n`),
    ]);
    const id = await remote.addMessage(user, 'inbox', mime.toString('base64'));
    expect(await remote.message(user, id)).toMatchObject({ subject: 'large', mimeSize: mime.length });
  });

  test('tells what it refuses', async () => {
    const remote = simulatorControl(session.simulator.httpUrl!);
    await expect(remote.snapshot('nobody')).rejects.toThrow(ControlRefused);
    await expect(remote.messages('nobody')[Symbol.asyncIterator]().next()).rejects.toThrow(
      'there is no user nobody',
    );
    const unknown = await fetch(`${session.simulator.httpUrl}/_simulator/destroy`, {
      method: 'POST',
      body: '[]',
    });
    expect(unknown.status).toBe(404);
    expect(
      (await fetch(`${session.simulator.httpUrl}/_simulator/tenants`, { method: 'POST', body: '{' })).status,
    ).toBe(400);
  });
});
