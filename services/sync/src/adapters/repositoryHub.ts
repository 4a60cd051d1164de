import type { Answered, Asked, RepositoryRecord } from '@holdfast/contracts';
import {
  type BlobStoreSpec,
  type CreateOptions,
  createRepository,
  type OpenOptions,
  openBlobStore,
  openRepository,
  type WriterSession,
} from '@holdfast/repository';
import type { Clock, Logger } from '@holdfast/runtime';
import type { Sealer } from '@holdfast/store';
import type { MailboxIdentity, MailboxRepository } from '../ports.ts';
import { mailboxInRepository } from './mailboxInRepository.ts';
import type { OpenedRepository } from './openedRepository.ts';

/** A repository in use by a task; opened when it is first needed. */
export interface UsedRepository {
  mailbox: MailboxRepository;
  release(): Promise<void>;
}

export interface RepositoryHub {
  use(record: RepositoryRecord, identity: MailboxIdentity): UsedRepository;
  /** Makes or opens a repository for the first time. Errors of the engine pass through. */
  prepare(request: Asked<'prepareRepository'>): Promise<Answered<'prepareRepository'>>;
  /** Opens it as a person would who has lost everything else, so the passphrase is proven too. */
  describe(request: Asked<'describeRepository'>): Promise<Answered<'describeRepository'>>;
  /** @throws when a repository in use cannot be reached */
  check(): Promise<void>;
  close(): Promise<void>;
}

export interface RepositoryHubDeps {
  sealer: Pick<Sealer, 'open'>;
  clock: Clock;
  logger: Logger;
  instance: string;
  version: string;
  open: Omit<OpenOptions, 'secret' | 'logger' | 'readOnly'>;
  /** Options of new repositories; tests make the passphrase cheap. */
  create?: Pick<CreateOptions, 'kdf'>;
  /** Where a repository lies; tests put it into memory. */
  specOf?: (record: Pick<RepositoryRecord, 'backend'>) => BlobStoreSpec;
  idleMs: number;
  /** A session is replaced after so long, so that a collector's fence would concern hours of work only. */
  rotateMs: number;
}

interface Entry {
  connection: string;
  startedAt: number;
  users: number;
  idleSince: number;
  retired: boolean;
  opening: Promise<OpenedRepository> | undefined;
  session: Promise<WriterSession> | undefined;
}

export const passphraseContext = (backend: RepositoryRecord['backend']): string =>
  `repository:${backend.path}`;

/** One open repository and one writer session for each repository of this process. */
export function createRepositoryHub(deps: RepositoryHubDeps): RepositoryHub {
  return new Hub(deps);
}

class Hub implements RepositoryHub {
  readonly #deps: RepositoryHubDeps;
  readonly #specOf: NonNullable<RepositoryHubDeps['specOf']>;
  readonly #entries = new Map<string, Entry>();
  readonly #stopping = new AbortController();
  readonly #sweeping: Promise<void>;

  constructor(deps: RepositoryHubDeps) {
    this.#deps = deps;
    this.#specOf = deps.specOf ?? (({ backend }) => backend);
    this.#sweeping = this.#sweep();
  }

  use = (record: RepositoryRecord, identity: MailboxIdentity): UsedRepository => {
    const entry = this.#entryOf(record);
    entry.users++;
    let given = false;
    return {
      mailbox: mailboxInRepository({
        identity,
        version: this.#deps.version,
        opened: () => this.#opened(record, entry),
        session: () => this.#sessionOf(record, entry),
      }),
      release: async () => {
        if (given) return;
        given = true;
        entry.users--;
        entry.idleSince = this.#deps.clock.now();
        if (entry.retired && entry.users === 0) await this.#closeEntry(entry);
      },
    };
  };

  async prepare({
    backend,
    sealedPassphrase,
    mode,
  }: Asked<'prepareRepository'>): Promise<Answered<'prepareRepository'>> {
    const { sealer, create, open } = this.#deps;
    const passphrase = sealer.open(sealedPassphrase, passphraseContext(backend));
    const store = await openBlobStore(this.#specOf({ backend }));
    try {
      if (mode === 'create') {
        const { repositoryId, recoveryKey } = await createRepository(store, { ...create, passphrase });
        return { engineId: repositoryId, recoveryKey };
      }
      const options = { ...open, secret: { passphrase }, threads: 0, readOnly: true };
      const repository = await openRepository(store, options);
      const engineId = repository.id;
      await repository.close();
      return { engineId };
    } finally {
      await store.close();
    }
  }

  async describe({
    backend,
    sealedPassphrase,
  }: Asked<'describeRepository'>): Promise<Answered<'describeRepository'>> {
    const { sealer, open } = this.#deps;
    const passphrase = sealer.open(sealedPassphrase, passphraseContext(backend));
    const store = await openBlobStore(this.#specOf({ backend }));
    try {
      const options = { ...open, secret: { passphrase }, threads: 0, readOnly: true };
      const repository = await openRepository(store, options);
      try {
        return await repository.recoveryFacts();
      } finally {
        await repository.close();
      }
    } finally {
      await store.close();
    }
  }

  async check(): Promise<void> {
    for (const { opening } of this.#entries.values()) await (await opening)?.store.stat('config');
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#sweeping;
    const left = [...this.#entries.values()];
    this.#entries.clear();
    await Promise.all(left.map((entry) => this.#closeEntry(entry)));
  }

  #entryOf(record: RepositoryRecord): Entry {
    const connection = JSON.stringify([record.backend, record.sealedPassphrase]);
    const now = this.#deps.clock.now();
    const known = this.#entries.get(record.id);
    const fresh = known !== undefined && now - known.startedAt < this.#deps.rotateMs;
    if (fresh && known.connection === connection) return known;
    if (known !== undefined) this.#retire(record.id, known);
    const entry: Entry = {
      ...{ connection, startedAt: now, users: 0, idleSince: now, retired: false },
      ...{ opening: undefined, session: undefined },
    };
    this.#entries.set(record.id, entry);
    return entry;
  }

  /** A failed opening is not kept: the next task tries again. */
  #opened(record: RepositoryRecord, entry: Entry): Promise<OpenedRepository> {
    entry.opening ??= this.#open(record).catch((error: unknown) => {
      entry.opening = undefined;
      throw error;
    });
    return entry.opening;
  }

  async #open(record: RepositoryRecord): Promise<OpenedRepository> {
    const { sealer, open, logger } = this.#deps;
    const passphrase = sealer.open(record.sealedPassphrase, passphraseContext(record.backend));
    const store = await openBlobStore(this.#specOf(record));
    try {
      const options = { ...open, secret: { passphrase }, logger: engineLogger(logger) };
      return { store, repository: await openRepository(store, options) };
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  #sessionOf(record: RepositoryRecord, entry: Entry): Promise<WriterSession> {
    entry.session ??= this.#openSession(record, entry).catch((error: unknown) => {
      entry.session = undefined;
      throw error;
    });
    return entry.session;
  }

  async #openSession(record: RepositoryRecord, entry: Entry): Promise<WriterSession> {
    const { repository } = await this.#opened(record, entry);
    const session = await repository.openSession({ writer: this.#deps.instance });
    session.lost.addEventListener('abort', () => {
      const facts = { repositoryId: record.id, error: session.lost.reason };
      this.#deps.logger.warn(facts, 'the writer session was lost');
      this.#retire(record.id, entry);
    });
    return session;
  }

  /** No new task gets it; it is closed when the last one has left. */
  #retire(id: string, entry: Entry): void {
    if (this.#entries.get(id) === entry) this.#entries.delete(id);
    entry.retired = true;
    if (entry.users === 0) void this.#closeEntry(entry);
  }

  async #closeEntry(entry: Entry): Promise<void> {
    if (entry.opening === undefined) return;
    try {
      await (await entry.opening).repository.close();
    } catch (error) {
      this.#deps.logger.warn({ error }, 'a repository could not be closed cleanly');
    }
  }

  async #sweep(): Promise<void> {
    const { clock, idleMs } = this.#deps;
    while (!this.#stopping.signal.aborted) {
      await clock.sleep(idleMs / 4, this.#stopping.signal);
      const now = clock.now();
      for (const [id, entry] of this.#entries) {
        if (entry.users === 0 && now - entry.idleSince >= idleMs) this.#retire(id, entry);
      }
    }
  }
}

const engineLogger = (logger: Logger) => ({
  info: (message: string, facts?: Record<string, unknown>) => logger.info(facts ?? {}, message),
  warn: (message: string, facts?: Record<string, unknown>) => logger.warn(facts ?? {}, message),
});
