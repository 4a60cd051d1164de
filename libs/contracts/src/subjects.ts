import type { HoldfastEvent } from './event.ts';

const none = '_';

/**
 * Subject of an event below the prefix: `events.<noun>.<verb>.<organization>.<job>.<mailbox>`, `_` where one does
 * not apply, so that a subscriber can filter at each position (`events.mailbox.*.org-1.>`).
 */
export function eventSubject(event: HoldfastEvent): string {
  const data = event.data as Partial<Record<'organizationId' | 'jobId' | 'mailboxId', string>>;
  const place = [data.organizationId, data.jobId, data.mailboxId].map((part) => part ?? none).join('.');
  return `events.${event.name}.${place}`;
}

/** Work queues. `sync`: one mailbox of a run, owner = run id. `restore`: one restore session, owner = session id. */
export type TaskKind = 'sync' | 'restore';

/** Subject of a work queue below the prefix: `tasks.<kind>.<pool>.<owner>`. */
export const taskSubject = (kind: TaskKind, pool: string, owner: string): string =>
  `tasks.${kind}.${pool}.${owner}`;

/** Subject of a question below the prefix: `ask.<service>.<pool>.<question>`. */
export const questionSubject = (service: string, pool: string, question: string): string =>
  `ask.${service}.${pool}.${question}`;
