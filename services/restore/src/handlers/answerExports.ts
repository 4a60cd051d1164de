import { HoldfastError } from '@holdfast/contracts';
import { type Messaging, type Running, serveQuestion } from '@holdfast/messaging';
import type { ExportFolder } from '../adapters/exportFolder.ts';

/** base64 makes it a third longer; a message of the broker is 1 MiB at most. */
const sliceBytes = 512 * 1024;

const noFolder = () =>
  new HoldfastError('exports-not-set-up', 'configuration', 'The restore worker has no folder for exports.', {
    remedy: 'Set HOLDFAST_EXPORT_DIR of the restore workers.',
  });

/** Answers what is asked of the files of exports. */
export async function answerExports(
  messaging: Messaging,
  pool: string,
  folder: ExportFolder | undefined,
): Promise<Running> {
  const mine = (): ExportFolder => {
    if (folder === undefined) throw noFolder();
    return folder;
  };
  const serving = await Promise.all([
    serveQuestion(messaging, pool, 'exportFiles', async ({ sessionId }) => ({
      files: await mine().files(sessionId),
    })),
    serveQuestion(messaging, pool, 'exportSlice', async ({ sessionId, name, offset }) => {
      const { size, bytes } = await mine().read(sessionId, name, offset, sliceBytes);
      return { size, data: bytes.toString('base64') };
    }),
  ]);
  return { stop: async () => void (await Promise.all(serving.map((running) => running.stop()))) };
}
