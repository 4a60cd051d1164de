import type { BlobStoreSpec } from '@holdfast/repository';
import type { Indexed } from '../domain/indexShelf.ts';

/** What a thread is started with. */
export interface ThreadStart {
  catalogUrl: string;
  cacheDir: string;
  /** `index` writes and lets everybody else go first; `read` answers. */
  role: 'index' | 'read';
}

export type ThreadCall =
  | { call: number; verb: 'catalog'; method: string; args: unknown[] }
  | {
      call: number;
      verb: 'index';
      repository: { repositoryId: string; spec: BlobStoreSpec; passphrase: string };
      mailboxKey: string;
    }
  | { call: number; verb: 'stop-indexing' }
  | { call: number; verb: 'close' };

export interface ErrorMessage {
  code: string;
  errorClass: string;
  message: string;
  remedy: string | undefined;
  problems: { field: string; message: string }[] | undefined;
  stack: string | undefined;
}

export type ThreadReply =
  | { call: number; value: unknown }
  | { call: number; error: ErrorMessage }
  | { call: number; progress: Pick<Indexed, 'items' | 'points' | 'unreadable'> };
