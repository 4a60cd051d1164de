import type { MailboxHead, SyncTask } from '@holdfast/contracts';
import { headIdOf, type JsonObject } from '@holdfast/contracts';
import { MailboxTaken } from '../errors.ts';
import type { Heads, HeadWrite, StoredHead, WriteRight } from '../ports.ts';
import { type HeadState, readHeadState } from './syncState.ts';

/** What the end of a backup says of its mailbox. */
export interface HeadEnd {
  checkedAt: string;
  state: HeadState;
  /** A new complete restore point. */
  point?: { name: string; pointId: string; time: string };
}

/**
 * The fence of one worker on one mailbox head. The head is read once; each write expects the version read or
 * written last, so of two workers the later writer finds its version gone and stops (`MailboxTaken`).
 */
export interface HeadFence {
  readonly head: MailboxHead | undefined;
  readonly state: HeadState;
  /** The fencing number of this worker; undefined before `claim`. */
  readonly epoch: number | undefined;
  /** Takes the right to write and says that this worker begins to: epoch + 1. Later calls do nothing. @throws MailboxTaken */
  claim(): Promise<void>;
  /** @throws MailboxTaken when the head was written by another since `claim` */
  check(): Promise<void>;
  /** The head as it is at the end, to be written with the rest of it. */
  ending(end: HeadEnd): HeadWrite;
}

/**
 * A head that says that somebody is at work, or has died at it, is not gone on from without the right to write: as long
 * as he lives, asking the source would be in vain.
 */
export async function openHeadFence(
  heads: Heads,
  right: WriteRight,
  task: SyncTask,
  mailboxAddress: string,
): Promise<HeadFence> {
  let stored: StoredHead | undefined = await heads.read();
  let epoch: number | undefined;
  const initial = readHeadState(stored?.head.cursors);
  if (initial.claim !== undefined) await right.take();
  const base = (): MailboxHead => ({
    ...(stored?.head ?? {
      id: headIdOf(task.repositoryId, task.mailboxId),
      repositoryId: task.repositoryId,
      mailboxId: task.mailboxId,
      organizationId: task.organizationId,
      epoch: 0,
    }),
    mailboxAddress,
    epoch: epoch ?? (stored?.head.epoch ?? 0) + 1,
  });
  return {
    get head() {
      return stored?.head;
    },
    state: initial,
    get epoch() {
      return epoch;
    },
    async claim() {
      if (epoch !== undefined) return;
      await right.take();
      const cursors = { ...initial, claim: { taskId: task.taskId } };
      stored = await heads.write({ ...base(), cursors }, stored?.version);
      epoch = stored.head.epoch;
    },
    async check() {
      const now = await heads.read();
      if (now?.version !== stored?.version) throw new MailboxTaken('its head has moved');
    },
    ending({ checkedAt, state, point }) {
      const cursors = state as unknown as JsonObject;
      const named =
        point === undefined ? {} : { pointName: point.name, pointId: point.pointId, pointTime: point.time };
      return { head: { ...base(), ...named, checkedAt, cursors }, version: stored?.version };
    },
  };
}
