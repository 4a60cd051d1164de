import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TemporaryDirectory {
  path: string;
  /** Path of a name inside. */
  at(name: string): string;
  remove(): void;
}

const open = new Set<string>();
const remove = (path: string) => {
  open.delete(path);
  rmSync(path, { recursive: true, force: true, maxRetries: 3 });
};
process.on('exit', () => {
  for (const path of open) remove(path);
});

/** A fresh directory; removed by `remove`, or at the latest when the process ends. */
export function temporaryDirectory(name = 'test'): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), `holdfast-${name}-`));
  open.add(path);
  return { path, at: (child) => join(path, child), remove: () => remove(path) };
}
