import type { WebhookBook } from './ports.ts';

const dayMs = 24 * 60 * 60_000;
/** Longer than events are looked back for, or a delivered one would be delivered again. */
const deliveredDays = 7;
const deadDays = 30;

/** Forgets deliveries that nobody will ask for any more, a few hundred at a time. */
export async function removeOldDeliveries(book: WebhookBook, nowMs: number): Promise<void> {
  const before = (days: number): string => new Date(nowMs - days * dayMs).toISOString();
  await book.removeBefore(['delivered'], before(deliveredDays));
  // A pending one of that age belongs to a webhook that was suspended or removed.
  await book.removeBefore(['dead', 'pending'], before(deadDays));
}
