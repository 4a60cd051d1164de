import type { Logger } from './logger.ts';

/** What a process has opened, to be closed in the opposite order. */
export interface Releasers {
  add(name: string, release: () => Promise<void> | void): void;
  /** Runs each releaser once, newest first; one that fails is logged and does not keep the others open. */
  release(): Promise<void>;
}

export function createReleasers(logger: Logger): Releasers {
  const list: { name: string; release: () => Promise<void> | void }[] = [];
  return {
    add(name, release) {
      list.push({ name, release });
    },
    async release() {
      for (let entry = list.pop(); entry !== undefined; entry = list.pop()) {
        try {
          await entry.release();
        } catch (error) {
          logger.warn({ error, resource: entry.name }, 'could not be closed cleanly');
        }
      }
    },
  };
}
