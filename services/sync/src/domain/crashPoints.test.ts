import { Crash, CrashPlan } from '@holdfast/testing';
import { describe, expect, test } from '@jest/globals';
import { MailboxTaken } from '../errors.ts';
import { SyncWorld } from '../testing/world.ts';
import { readHeadState } from './syncState.ts';

type Scene = { name: string; prepare: (world: SyncWorld) => Promise<void> };

const scenes: Scene[] = [
  {
    name: 'a first run',
    prepare: async (world) => {
      for (let n = 0; n < 7; n++) world.mailbox.addMessage(n % 2 === 0 ? 'inbox' : 'sentitems');
      world.mailbox.faults.corrupt.set([...world.mailbox.messages.keys()][2]!, Number.POSITIVE_INFINITY);
    },
  },
  {
    name: 'an incremental run with new, changed, moved and removed items and folders',
    prepare: async (world) => {
      for (let n = 0; n < 8; n++) world.mailbox.addMessage(n % 2 === 0 ? 'inbox' : 'sentitems');
      await world.attempt();
      const ids = [...world.mailbox.messages.keys()];
      world.mailbox.addMessage('inbox');
      world.mailbox.changeMessage(ids[0]!, { isRead: true });
      world.mailbox.changeMessage(ids[1]!, { subject: 'Edited' });
      world.mailbox.moveMessage(ids[2]!, 'deleteditems');
      world.mailbox.removeMessage(ids[3]!);
      const folder = world.mailbox.addFolder({ name: 'New' });
      world.mailbox.moveMessage(ids[4]!, folder.id);
      world.mailbox.removeFolder('drafts');
    },
  },
  {
    name: 'an unchanged run',
    prepare: async (world) => {
      for (let n = 0; n < 3; n++) world.mailbox.addMessage('inbox');
      await world.attempt();
    },
  },
  {
    name: 'a run with expired cursors',
    prepare: async (world) => {
      for (let n = 0; n < 8; n++) world.mailbox.addMessage(n % 2 === 0 ? 'inbox' : 'sentitems');
      await world.attempt();
      world.mailbox.removeMessage([...world.mailbox.messages.keys()][0]!);
      world.mailbox.expireCursors();
      world.mailbox.addMessage('inbox');
    },
  },
];

describe.each(scenes)('P4: $name survives a crash', ({ prepare }) => {
  test.each(['before', 'after'] as const)('%s each call of each port', async (when) => {
    let at = 0;
    for (let finished = false; !finished; ) {
      const world = new SyncWorld();
      await prepare(world);
      const pointsBefore = world.vault.full().length;
      const runId = world.startRun();
      const crash = new CrashPlan(++at, when);
      const died = await world.attempt({ runId, crash }).then(
        () => false,
        (error: unknown) => {
          if (!(error instanceof Crash) && !crash.dead) throw error;
          return true;
        },
      );
      finished = !died && crash.calls.length < at;
      // The restarted process: the task is delivered again unless it has its end.
      if (!world.taskResults.has(`${runId}.mbx-1`)) await world.attempt({ runId });

      const where = `crash ${when} call ${at} (${crash.calls.at(-1)})`;
      expect({ where, stored: world.stored() }).toEqual({ where, stored: world.source() });
      const ofRun = world.vault.full().filter((point) => point.runId === runId);
      expect({ where, points: ofRun.length }).toEqual({
        where,
        points: world.vault.full().length - pointsBefore,
      });
      expect(ofRun.length).toBeLessThanOrEqual(1);
      expect({ where, endings: world.endings.filter((id) => id.startsWith(runId)) }).toEqual({
        where,
        endings: [`${runId}.mbx-1`],
      });
      const synced = [...world.events.values()].filter(
        (event) => event.name === 'mailbox.synced' && (event.data as { runId: string }).runId === runId,
      );
      expect({ where, synced: synced.length }).toEqual({ where, synced: 1 });
      expect(world.head?.head.pointId).toBe(world.vault.newest()?.facts.pointId);
      // Whatever happened, the next run knows where to go on.
      world.mailbox.addMessage('inbox');
      await world.attempt();
      expect({ where, stored: world.stored() }).toEqual({ where, stored: world.source() });
    }
    expect(at).toBeGreaterThan(8);
  });
});

describe('two workers for one mailbox', () => {
  /** Runs a second worker at the moment the first one makes its n-th write to the heads or points. */
  async function race(moment: string) {
    const world = new SyncWorld();
    for (let n = 0; n < 6; n++) world.mailbox.addMessage('inbox');
    const runId = world.startRun();
    let raced = false;
    const intrude = <T extends object>(name: string, port: T): T =>
      new Proxy(port, {
        get: (target, property) => {
          const value = Reflect.get(target, property, target) as unknown;
          if (typeof value !== 'function') return value;
          return async (...args: unknown[]) => {
            if (`${name}.${String(property)}` === moment && !raced) {
              raced = true;
              world.mailbox.addMessage('sentitems');
              await world.attempt({ runId });
            }
            const result: unknown = await value.apply(target, args);
            return property === 'writer' ? intrude('writer', result as object) : result;
          };
        },
      });
    const outcome = await world
      .attempt({
        runId,
        settings: { checkpoint: { items: 1e9, bytes: 1e15, ms: 1e15 } },
        wrap: (ports) => ({
          heads: intrude('heads', ports.heads),
          repository: intrude('repository', ports.repository),
          records: intrude('records', ports.records),
        }),
      })
      .catch((error: unknown) => error);
    expect(raced).toBe(true);
    return { world, runId, outcome };
  }

  test.each(['heads.read', 'heads.write', 'repository.writer', 'writer.openTree', 'writer.storeItem'])(
    'the later one takes the mailbox while the first is before %s: the first ends without a point of its own',
    async (moment) => {
      const { world, runId, outcome } = await race(moment);
      if (moment !== 'heads.read') expect(outcome).toBeInstanceOf(MailboxTaken);
      expect(world.vault.full()).toHaveLength(1);
      expect(world.stored()).toEqual(world.source());
      expect(world.endings).toEqual([`${runId}.mbx-1`]);
      expect(world.head?.head.pointId).toBe(world.vault.newest()?.facts.pointId);
    },
  );

  test.each(['writer.commitPoint', 'records.addPoint', 'records.emit', 'records.endTask'])(
    'the later one comes when the first has passed its last check (%s): one point id, one end',
    async (moment) => {
      const { world, runId } = await race(moment);
      expect(world.vault.full()).toHaveLength(1);
      expect(world.endings).toEqual([`${runId}.mbx-1`]);
      expect(world.head?.head.pointId).toBe(world.vault.newest()?.facts.pointId);
      await world.attempt();
      expect(world.stored()).toEqual(world.source());
    },
  );

  test('a lost lease ends the work before anything more is written', async () => {
    const world = new SyncWorld();
    for (let n = 0; n < 6; n++) world.mailbox.addMessage('inbox');
    const lease = new AbortController();
    lease.abort();
    const right = { lost: lease.signal, take: async () => undefined };
    await expect(world.attempt({ right })).rejects.toBeInstanceOf(MailboxTaken);
    expect(world.vault.points).toEqual([]);
  });

  describe('the right to write', () => {
    const lost = new AbortController().signal;
    const taken = { lost, take: () => Promise.reject(new MailboxTaken('it has the lease')) };

    test('is not needed to find a mailbox unchanged', async () => {
      const world = new SyncWorld();
      world.mailbox.addMessage('inbox');
      await world.attempt();
      expect(await world.attempt({ right: taken })).toMatchObject({ kind: 'done', state: 'success' });
    });

    test('comes before the first write; without it nothing is written and the task has no end', async () => {
      const world = new SyncWorld();
      world.mailbox.addMessage('inbox');
      await world.attempt();
      world.mailbox.addMessage('inbox');
      const before = { head: world.head, points: world.vault.points.length, endings: world.endings.length };
      await expect(world.attempt({ right: taken })).rejects.toBeInstanceOf(MailboxTaken);
      const after = { head: world.head, points: world.vault.points.length, endings: world.endings.length };
      expect(after).toEqual(before);
    });

    test('comes before the first question to the source when the head is claimed', async () => {
      const world = new SyncWorld();
      world.mailbox.addMessage('inbox');
      await world.attempt();
      world.mailbox.addMessage('inbox');
      const crash = new CrashPlan(1e9, 'before');
      const dies = { heads: { ...world.heads() }, repository: { ...world.vault.repository('run-2') } };
      dies.repository.writer = () => Promise.reject(new Crash());
      await world.attempt({ crash, wrap: () => dies }).catch(() => undefined);
      expect(readHeadState(world.head?.head.cursors).claim).toBeDefined();
      const asked = new CrashPlan(1e9, 'before');
      await expect(world.attempt({ right: taken, crash: asked })).rejects.toBeInstanceOf(MailboxTaken);
      expect(asked.calls.filter((call) => call.startsWith('reader'))).toEqual([]);
    });
  });

  test('a run that was overtaken by a newer one does not move the head back', async () => {
    const world = new SyncWorld();
    world.mailbox.addMessage('inbox');
    const old = world.startRun();
    const crash = new CrashPlan(1e9, 'before');
    let committed = false;
    await world
      .attempt({
        runId: old,
        crash,
        wrap: (ports) => ({
          records: {
            ...ports.records,
            addPoint: async () => {
              committed = true;
              throw new Crash();
            },
          },
        }),
      })
      .catch(() => undefined);
    expect(committed).toBe(true);
    world.mailbox.addMessage('inbox');
    await world.attempt();
    const newest = world.head?.head.pointId;
    await world.attempt({ runId: old });
    expect(world.head?.head.pointId).toBe(newest);
    expect(world.taskResults.get(`${old}.mbx-1`)?.state).toBe('success');
  });
});
