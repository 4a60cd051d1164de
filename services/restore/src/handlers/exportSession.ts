import { errorFacts, exportOptionsSchema, type RestorePart, type RestoreProgress } from '@holdfast/contracts';
import { type ExportManifest, exportItems, safeName } from '@holdfast/export';
import type { ExportFolder } from '../adapters/exportFolder.ts';
import { readParts } from '../adapters/storeSessions.ts';
import { exportableItems } from '../domain/exportableItems.ts';
import { checkInterruption } from '../domain/interruption.ts';
import { type PlannedFolder, planRestore, selectionOfPart } from '../domain/planRestore.ts';
import { RestoreRefused } from '../errors.ts';
import type { PointContents } from '../ports.ts';
import { type Attempt, bookOf, interruptionOf, isHopeless, notePart } from './attempt.ts';
import type { RunResult } from './runSession.ts';

const noFolder = () =>
  new RestoreRefused(
    'exports-not-set-up',
    'The restore workers have no folder for exports.',
    'Set HOLDFAST_EXPORT_DIR of the restore workers to a folder with enough space.',
  );

interface Sum {
  items: number;
  failed: number;
  bytes: number;
  volumes: number;
}

/**
 * Writes the selection of a session as files, one mailbox after the other. An attempt after a crash goes on behind the
 * volumes that are finished. Trouble of one mailbox ends its part, the others go on.
 * @throws Interrupted, SessionTaken, RestoreRefused without a folder, and what may pass
 */
export async function exportSession(
  attempt: Attempt,
  onProgress: (progress: RestoreProgress) => void,
): Promise<RunResult> {
  const { deps, session } = attempt;
  const settings = deps.exports;
  if (settings === undefined) throw noFolder();
  const startedAt = new Date(deps.clock.now()).toISOString();
  await bookOf(attempt).change((doc) => ({
    ...doc,
    state: 'running',
    startedAt: doc.startedAt ?? startedAt,
  }));
  const parts = await readParts(deps.parts, session.id);
  const sum: Sum = { items: 0, failed: 0, bytes: 0, volumes: 0 };
  const progress = createProgress(attempt, onProgress);
  const failures: { part: RestorePart; error: unknown }[] = [];
  for (const part of parts) {
    try {
      const whole = await exportPart(attempt, settings.folder, part, parts.length > 1, progress);
      sum.items += whole.items;
      sum.failed += whole.failed;
      sum.bytes += whole.bytes;
      sum.volumes += whole.volumes.length;
      await notePart(attempt, part, { state: 'success', items: whole.items });
    } catch (error) {
      if (!isHopeless(error)) throw error;
      failures.push({ part, error });
      await notePart(attempt, part, { state: 'failed' }, error);
    }
  }
  const expiresAt = new Date(deps.clock.now() + settings.keepMs).toISOString();
  const place = { worker: deps.instance, folder: `${settings.folder.path}/${session.id}`, expiresAt };
  await bookOf(attempt).change((doc) => ({ ...doc, exported: { ...sum, ...place } }));
  const [first] = failures;
  return {
    progress: progress.now(),
    nothingWorked: failures.length > 0 && failures.length === parts.length,
    ...(first === undefined ? {} : { error: errorFacts(first.error) }),
  };
}

/** Counters over all parts; written to the session now and then, told to the live view each time. */
function createProgress(attempt: Attempt, onProgress: (progress: RestoreProgress) => void) {
  const { deps, session } = attempt;
  let finished = { ...session.progress, itemsTotal: 0, itemsDone: 0, failed: 0, bytes: 0 };
  let current = finished;
  let savedAt = deps.clock.now();
  return {
    now: () => current,
    expect(items: number) {
      finished = { ...finished, itemsTotal: finished.itemsTotal + items };
      current = finished;
    },
    tell(done: { items: number; failed: number; bytes: number }, label: string) {
      const { itemsDone, failed, bytes } = finished;
      current = {
        ...finished,
        itemsDone: itemsDone + done.items + done.failed,
        failed: failed + done.failed,
        bytes: bytes + done.bytes,
      };
      deps.progress.tell(session, current, label);
      onProgress(current);
    },
    endPart() {
      finished = current;
    },
    /** At most every so often: the live view has the rest. */
    async save() {
      const now = deps.clock.now();
      if (now - savedAt < deps.settings.saveEveryMs) return;
      savedAt = now;
      const counters = current;
      await bookOf(attempt).change((doc) => ({ ...doc, progress: counters }));
    },
  };
}

async function exportPart(
  attempt: Attempt,
  folder: ExportFolder,
  part: RestorePart,
  isOneOfMany: boolean,
  progress: ReturnType<typeof createProgress>,
): Promise<ExportManifest> {
  const { session, lease } = attempt;
  const interruption = interruptionOf(attempt);
  const { contents, release } = await usePoint(attempt, part);
  try {
    const plan = await plannedFolders(attempt, part, contents);
    progress.expect(plan.itemsTotal);
    const beforeItem = async () => {
      await checkInterruption({ leaseLost: lease.lost, interruption });
      await progress.save();
    };
    const name = `${String(part.part + 1).padStart(4, '0')} ${safeName(part.mailboxAddress)}`;
    const place = await folder.place(session.id, isOneOfMany ? name : undefined);
    const what = { mailbox: part.mailboxAddress, restorePoint: part.pointId, time: part.pointTime };
    const request = { ...exportOptionsSchema.parse(session.exportOptions ?? {}), what };
    const manifest = await exportItems(exportableItems(contents, plan.folders, beforeItem), place, request, {
      signal: lease.lost,
      onProgress: (done) => progress.tell(done, part.mailboxAddress),
    });
    progress.endPart();
    return manifest;
  } finally {
    await release();
  }
}

async function plannedFolders(
  { session }: Attempt,
  part: RestorePart,
  contents: PointContents,
): Promise<{ folders: PlannedFolder[]; itemsTotal: number }> {
  const { selection, includeRecoverable } = session.input;
  return planRestore(await contents.folders(), selectionOfPart(selection, part), { includeRecoverable });
}

async function usePoint({ deps }: Attempt, part: RestorePart) {
  const repository = await deps.repository(part.repositoryId);
  if (repository !== undefined) return deps.points.use(repository, part.pointName);
  throw new RestoreRefused(
    'repository-not-found',
    'The repository of the restore point was removed.',
    'Attach the repository again, then export.',
  );
}
