import type {
  LedgerLine,
  Mailbox,
  Organization,
  PlanPage,
  RepositoryRecord,
  RestorePart,
  RestoreSession,
} from '@holdfast/contracts';
import { classOf, errorFacts } from '@holdfast/contracts';
import type { UsedConnector } from '@holdfast/exchange';
import type { Delivery, Lease, Messaging, Outbox } from '@holdfast/messaging';
import type { Clock, Logger } from '@holdfast/runtime';
import { type Collection, modify } from '@holdfast/store';
import type { Activity } from '../activity.ts';
import type { ExportFolder } from '../adapters/exportFolder.ts';
import type { PointHub } from '../adapters/pointHub.ts';
import { storeSessionBook } from '../adapters/storeSessions.ts';
import type { SourceBudget } from '../domain/estimatePlan.ts';
import { notTheItem } from '../domain/restoreItem.ts';
import { hasCode } from '../errors.ts';
import type { RestoreMetrics } from '../metrics.ts';
import type { InterruptionCheck, SessionBook } from '../ports.ts';
import type { ProgressBoard } from '../progressBoard.ts';

export interface WorkSettings {
  itemsAtOnce: number;
  /** Mailboxes of one session at a time. */
  mailboxesAtOnce: number;
  /** The session's counters are written at most this often, ms. */
  saveEveryMs: number;
  budget: SourceBudget;
}

/** Where exports are written, and for how long they stay. */
export interface ExportSettings {
  folder: ExportFolder;
  keepMs: number;
}

export interface RestoreHandlerDeps {
  messaging: Pick<Messaging, 'acquireLease'>;
  sessions: Collection<RestoreSession>;
  parts: Collection<RestorePart>;
  plans: Collection<PlanPage>;
  ledger: Collection<LedgerLine>;
  mailboxes: Collection<Mailbox>;
  organization: (id: string) => Promise<Organization | undefined>;
  repository: (id: string) => Promise<RepositoryRecord | undefined>;
  outbox: Pick<Outbox, 'add'>;
  useConnector: (organization: Organization) => UsedConnector;
  points: PointHub;
  instance: string;
  settings: WorkSettings;
  /** Absent: this worker does no exports. */
  exports?: ExportSettings;
  clock: Clock;
  logger: Logger;
  metrics: RestoreMetrics;
  activity: Activity;
  progress: ProgressBoard;
}

/** One delivery of a session's task, with the session taken. */
export interface Attempt {
  deps: RestoreHandlerDeps;
  session: RestoreSession;
  delivery: Delivery;
  lease: Lease;
  logger: Logger;
}

/** Requests of people are looked for this often. */
const lookForRequestsMs = 1_000;

export const bookOf = ({ deps, session }: Pick<Attempt, 'deps' | 'session'>): SessionBook =>
  storeSessionBook(deps.sessions, session.id, session.epoch);

/** Asks for the process's own end at once, and for what people want every second. */
export function interruptionOf({ deps, session, delivery }: Attempt): InterruptionCheck {
  let lookedAt = deps.clock.now();
  let wanted = wantedOf(session);
  return async () => {
    if (delivery.stopping.aborted) return 'shutdown';
    const now = deps.clock.now();
    if (wanted === undefined && now - lookedAt >= lookForRequestsMs) {
      lookedAt = now;
      const stored = await deps.sessions.get(session.id);
      wanted = stored === undefined ? undefined : wantedOf(stored.doc);
    }
    return wanted;
  };
}

const wantedOf = ({ cancelRequested, pauseRequested }: RestoreSession) =>
  cancelRequested ? ('cancel' as const) : pauseRequested ? ('pause' as const) : undefined;

/** True for trouble of one mailbox: the others of the session go on, and trying again cannot help. */
export const isHopeless = (error: unknown): boolean =>
  ['permanent-mailbox', 'forbidden', 'configuration', 'vanished'].includes(classOf(error));

/** True when a part is given up: its trouble is hopeless, or there is no further attempt (P7). */
export const givesPartUp = (error: unknown, { delivery }: Pick<Attempt, 'delivery'>): boolean =>
  isHopeless(error) || (delivery.last && !delivery.stopping.aborted && !hasCode(error, ...notTheItem));

/** Notes how a part stands; a part that failed keeps its reason. */
export async function notePart(
  { deps }: Attempt,
  part: RestorePart,
  change: Pick<RestorePart, 'state'> & Partial<Pick<RestorePart, 'items'>>,
  error?: unknown,
): Promise<void> {
  await modify(deps.parts, part.id, ({ error: _, ...doc }) => ({
    ...doc,
    ...change,
    ...(error === undefined ? {} : { error: errorFacts(error) }),
  }));
}

/** True when another worker has the session, or is about to. */
export const isTaken = (error: unknown, { lease }: Attempt): boolean =>
  hasCode(error, 'session-taken') || lease.lost.aborted;
