import type { PlanAction } from '@holdfast/contracts';

/** The source's limits for an application and mailbox, as this worker keeps them. */
export interface SourceBudget {
  /** Requests in 10 minutes. */
  requests: number;
  /** Bytes of uploads in 5 minutes. */
  uploadBytes: number;
  /** Requests at a time. */
  concurrency: number;
}

/** What an action costs the target. */
export interface Cost {
  requests: number;
  uploadBytes: number;
}

const nothing: Cost = { requests: 0, uploadBytes: 0 };
/** Larger messages go in several requests, attachments in pieces of about this size. */
const requestBytes = 3_900_000;
/** A request to Exchange Online takes some 200 ms; uploads take longer, which their bytes stand for. */
const requestSeconds = 0.2;

/** Requests and bytes of one item: making it, reading it back, and for an overwrite finding and removing the old one. */
export function costOf(action: PlanAction, size: number): Cost {
  if (action === 'skip' || action === 'cannot') return nothing;
  const pieces = size <= requestBytes ? 0 : Math.ceil(size / requestBytes) + 2;
  return { requests: 2 + pieces + (action === 'overwrite' ? 4 : 0), uploadBytes: size };
}

export const addCost = (a: Cost, b: Cost): Cost => ({
  requests: a.requests + b.requests,
  uploadBytes: a.uploadBytes + b.uploadBytes,
});

/** Seconds for one mailbox: whichever of its limits is met first. */
export function secondsOf({ requests, uploadBytes }: Cost, budget: SourceBudget): number {
  const byRequests = (requests / budget.requests) * 600;
  const byBytes = (uploadBytes / budget.uploadBytes) * 300;
  const byLatency = (requests * requestSeconds) / budget.concurrency;
  return Math.max(byRequests, byBytes, byLatency);
}

/** Mailboxes have limits of their own, but only some are at work at a time. */
export function secondsOfAll(
  costs: ReadonlyMap<string, Cost>,
  budget: SourceBudget,
  mailboxesAtOnce: number,
): number {
  const seconds = [...costs.values()].map((cost) => secondsOf(cost, budget));
  const sum = seconds.reduce((a, b) => a + b, 0);
  return Math.ceil(Math.max(0, ...seconds, sum / mailboxesAtOnce));
}

/** Seconds left, from the share of the work that took so long; undefined before anything can be said. */
export function secondsLeft(
  elapsedMs: number,
  doneBefore: number,
  done: number,
  total: number,
): number | undefined {
  const here = done - doneBefore;
  if (here <= 0 || elapsedMs <= 0) return undefined;
  return Math.ceil(((total - done) * elapsedMs) / here / 1000);
}
