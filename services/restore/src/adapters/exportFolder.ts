import { type FileHandle, open, readdir, rm, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { type ExportFile, HoldfastError } from '@holdfast/contracts';
import { type ExportPlace, folderPlace } from '@holdfast/export';

/** The folder of this worker in which exports are written, one folder a session. Workers of a pool may share it. */
export interface ExportFolder {
  readonly path: string;
  /** Where the parts of a session are written; several mailboxes get a folder each. */
  place(sessionId: string, part: string | undefined): Promise<ExportPlace>;
  files(sessionId: string): Promise<ExportFile[]>;
  /** @throws HoldfastError `export-file-not-found` */
  read(
    sessionId: string,
    name: string,
    offset: number,
    length: number,
  ): Promise<{ size: number; bytes: Buffer }>;
  /** Sessions that have files here. */
  sessions(): Promise<string[]>;
  remove(sessionId: string): Promise<void>;
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';
const isUnfinished = (name: string): boolean =>
  name.endsWith('.partial') || /^\.[0-9a-f-]{36}\.spool$/.test(name);

const noFile = (name: string, cause?: unknown) =>
  new HoldfastError('export-file-not-found', 'vanished', `There is no file ${name} in this export.`, {
    remedy:
      'List the files of the export. It may have expired, or lie on another restore worker: let the workers of a pool share HOLDFAST_EXPORT_DIR.',
    cause,
  });

export function openExportFolder(path: string): ExportFolder {
  const root = resolve(path);
  const folderOf = (sessionId: string): string => join(root, sessionId);
  return {
    path: root,
    place: (sessionId, part) =>
      folderPlace(part === undefined ? folderOf(sessionId) : join(folderOf(sessionId), part)),
    async files(sessionId) {
      const folder = folderOf(sessionId);
      const names = await filesBelow(folder, sessionId);
      const files: ExportFile[] = [];
      for (const name of names.sort()) files.push({ name, bytes: (await stat(join(folder, name))).size });
      return files;
    },
    async read(sessionId, name, offset, length) {
      const folder = folderOf(sessionId);
      const full = resolve(folder, name);
      if (!full.startsWith(folder + sep)) throw noFile(name);
      const file = await open(full, 'r').catch((error: unknown) => {
        throw noFile(name, error);
      });
      try {
        return await sliceOf(file, name, offset, length);
      } finally {
        await file.close();
      }
    },
    async sessions() {
      try {
        const entries = await readdir(root, { withFileTypes: true });
        return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return [];
        throw error;
      }
    },
    remove: (sessionId) => rm(folderOf(sessionId), { recursive: true, force: true }),
  };
}

async function filesBelow(folder: string, sessionId: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && !isUnfinished(entry.name))
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw noFile(`of ${sessionId}`, error);
    throw error;
  }
}

async function sliceOf(file: FileHandle, name: string, offset: number, length: number) {
  const facts = await file.stat();
  if (!facts.isFile()) throw noFile(name);
  const bytes = Buffer.alloc(Math.max(0, Math.min(length, facts.size - offset)));
  const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
  return { size: facts.size, bytes: bytes.subarray(0, bytesRead) };
}
