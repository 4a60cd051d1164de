import type { FolderExclusion } from '@holdfast/contracts';
import { Crash, CrashPlan } from '@holdfast/testing';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { SyncWorld } from '../testing/world.ts';
import type { AgeLimit } from './ageLimit.ts';

/** One thing that happens to a mailbox; numbers choose among what is there at that moment. */
type Happening =
  | { kind: 'add' | 'edit' | 'flag' | 'remove' | 'corrupt' | 'heal' | 'vanish-on-read'; pick: number }
  | { kind: 'move' | 'rename-folder' | 'move-folder'; pick: number; to: number }
  | { kind: 'add-folder' | 'remove-folder'; pick: number }
  | { kind: 'expire-cursors' | 'fill-mailbox' | 'lose-control-data' | 'month-passes' }
  | { kind: 'exclude' | 'age'; pick: number }
  | { kind: 'run'; crashes: { at: number; when: 'before' | 'after' }[]; stopAt: number };

const pick = fc.nat(1000);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('edit' as const, 'flag', 'remove', 'corrupt', 'heal', 'vanish-on-read'),
      pick,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('move' as const, 'rename-folder', 'move-folder'),
      pick,
      to: pick,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('add-folder' as const, 'remove-folder'), pick }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('exclude' as const, 'age' as const), pick }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('expire-cursors' as const, 'fill-mailbox', 'lose-control-data', 'month-passes'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('run' as const),
      crashes: fc.array(
        fc.record({ at: fc.integer({ min: 1, max: 60 }), when: fc.constantFrom('before' as const, 'after') }),
        { maxLength: 2 },
      ),
      stopAt: fc.integer({ min: 1, max: 60 }),
    }),
  },
);

const at = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];

function happen(world: SyncWorld, h: Exclude<Happening, { kind: 'run' }>): void {
  const { mailbox } = world;
  const folders = [...mailbox.folders.keys()];
  const messages = [...mailbox.messages.keys()];
  const folder = 'pick' in h ? at(folders, h.pick) : undefined;
  const message = 'pick' in h ? at(messages, h.pick) : undefined;
  const target = 'to' in h ? at(folders, h.to) : undefined;
  if (h.kind === 'add' && folder) mailbox.addMessage(folder);
  if (h.kind === 'add-folder') mailbox.addFolder({ name: `F${folders.length}`, parentId: folder ?? null });
  if (h.kind === 'exclude') world.excludeFolders = exclusionsOf(world, h.pick);
  if (h.kind === 'age') world.age = ageOf(h.pick);
  if (h.kind === 'expire-cursors') mailbox.expireCursors();
  if (h.kind === 'fill-mailbox') mailbox.faults.deltaUnavailable = !mailbox.faults.deltaUnavailable;
  if (h.kind === 'lose-control-data') world.head = undefined;
  if (h.kind === 'month-passes') world.now += 31 * 24 * 3600_000;
  if (message) {
    if (h.kind === 'edit') mailbox.changeMessage(message, { subject: `Edit ${mailbox.sequence}` });
    if (h.kind === 'flag') mailbox.changeMessage(message, { isRead: mailbox.sequence % 2 === 0 });
    if (h.kind === 'remove') mailbox.removeMessage(message);
    if (h.kind === 'corrupt') mailbox.faults.corrupt.set(message, Number.POSITIVE_INFINITY);
    if (h.kind === 'heal') for (const id of messages) mailbox.faults.corrupt.delete(id);
    if (h.kind === 'heal') mailbox.faults.vanishOnContent.clear();
    if (h.kind === 'vanish-on-read') mailbox.faults.vanishOnContent.add(message);
    if (h.kind === 'move' && target) mailbox.moveMessage(message, target);
  }
  if (folder && h.kind === 'remove-folder' && folders.length > 2) mailbox.removeFolder(folder);
  if (folder && h.kind === 'rename-folder') mailbox.changeFolder(folder, { name: `R${mailbox.sequence}` });
  if (folder && target && h.kind === 'move-folder' && !isBelow(world, target, folder)) {
    mailbox.changeFolder(folder, { parentId: target });
  }
}

/** None, well-known folders, or a folder that is there by its path. */
function exclusionsOf(world: SyncWorld, pick: number): FolderExclusion[] {
  const names: string[] = [];
  for (let id: string | null = at([...world.mailbox.folders.keys()], pick) ?? null; id !== null; ) {
    const folder = world.mailbox.folder(id);
    names.unshift(folder.name);
    id = folder.parentId;
  }
  const all: FolderExclusion[] = [
    { kind: 'path', path: `/${names.join('/')}` },
    { kind: 'well-known', name: 'deleteditems' },
    { kind: 'well-known', name: 'drafts' },
  ];
  return all.filter((_, index) => ((pick >> index) & 1) === 1);
}

/** The memory mailbox dates its messages a minute apart. */
function ageOf(pick: number): AgeLimit | undefined {
  if (pick % 4 === 0) return undefined;
  const before = Date.UTC(2026, 0, 5, 8) + (pick % 7) * 60_000;
  return { before, by: pick % 4 === 1 ? 'modified' : 'received' };
}

function isBelow(world: SyncWorld, folder: string, above: string): boolean {
  for (let at: string | null = folder; at !== null; at = world.mailbox.folders.get(at)?.parentId ?? null) {
    if (at === above) return true;
  }
  return false;
}

async function run(world: SyncWorld, h: Extract<Happening, { kind: 'run' }>): Promise<void> {
  const runId = world.startRun();
  for (const { at, when } of h.crashes) {
    const crash = new CrashPlan(at, when);
    await world.attempt({ runId, crash }).catch((error: unknown) => {
      if (!(error instanceof Crash) && !crash.dead) throw error;
    });
    if (world.taskResults.has(`${runId}.mbx-1`)) return;
  }
  let looks = 0;
  const interruption = async () => (++looks === h.stopAt ? ('shutdown' as const) : undefined);
  const end = await world.attempt({ runId, interruption });
  if (end.kind === 'given-back') await world.attempt({ runId });
}

const folderShape = (folders: Iterable<{ id: string; parentId: string | null; name: string }>) =>
  [...folders].map(({ id, parentId, name }) => `${id} ${parentId} ${name}`).sort();

test('whatever happens to a mailbox, each run ends with a point that equals the source minus the gaps', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 4, maxLength: 60 }), async (history) => {
      const world = new SyncWorld();
      for (const h of [...history, { kind: 'run' as const, crashes: [], stopAt: 0 }]) {
        if (h.kind !== 'run') {
          happen(world, h);
          continue;
        }
        await run(world, h);
        expect(world.stored()).toEqual(world.source());
        expect(folderShape(world.vault.foldersOf(world.vault.newest()!))).toEqual(
          folderShape(world.included()),
        );
        for (const { itemKey } of world.openGaps()) expect(world.isInTrouble(itemKey)).toBe(true);
        expect(world.endings).toHaveLength(world.runNumber);
        expect(new Set(world.vault.full().map((p) => p.facts.pointId)).size).toBe(world.vault.full().length);
      }
    }),
    { numRuns: 150 },
  );
}, 60_000);
