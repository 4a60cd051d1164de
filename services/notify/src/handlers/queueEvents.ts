import type { EventRecord, HoldfastEvent, Webhook, WebhookDelivery } from '@holdfast/contracts';
import { plannedDelivery } from '../domain/decideWebhook.ts';
import { wantsEvent } from '../domain/wantsEvent.ts';
import type { WebhookBook } from '../ports.ts';

export interface QueueDeps {
  book: WebhookBook;
  now: () => number;
  /** Told when there is something to deliver. */
  onPending: () => void;
}

export interface EventQueue {
  /** An event from the broker: one delivery for each webhook that wants it, durable when this resolves. */
  onEvent(event: HoldfastEvent): Promise<void>;
  /** Events of the log that did not come, for a broker can lose some. */
  catchUp(): Promise<void>;
}

/** How old a list of webhooks may be; what a stale one misses is found by `catchUp`. */
const freshMs = 1_000;
/**
 * As long as workers go on without the control plane, and a day more; at the first look. Less than deliveries are kept
 * (`deliveryDays`), or one would be made again.
 */
const firstLookBackMs = 3 * 24 * 60 * 60_000;
/** Events are written with the time of their effect, which may be a little earlier than the row. */
const overlapMs = 10 * 60_000;
const remembered = 50_000;

/** Turns events into deliveries: one record for each webhook and event, however often an event comes. */
export function createEventQueue(deps: QueueDeps): EventQueue {
  let list: { webhooks: Webhook[]; atMs: number } | undefined;
  const known = new Set<string>();
  let lookedAtMs: number | undefined;

  async function webhooks(): Promise<Webhook[]> {
    const isFresh = list !== undefined && Math.abs(deps.now() - list.atMs) < freshMs;
    if (list === undefined || !isFresh) list = { webhooks: await deps.book.webhooks(), atMs: deps.now() };
    return list.webhooks;
  }

  async function queue(event: WebhookDelivery['event'], wanting: readonly Webhook[]): Promise<void> {
    for (const { id } of wanting) {
      const delivery = plannedDelivery(id, event, new Date(deps.now()).toISOString());
      if (known.has(delivery.id)) continue;
      if (await deps.book.insertDelivery(delivery)) deps.onPending();
      known.add(delivery.id);
      if (known.size > remembered) known.clear();
    }
  }

  const wanting = (all: readonly Webhook[], { event }: Pick<EventRecord, 'event'>): Webhook[] =>
    all.filter((webhook) => wantsEvent(webhook, event));

  return {
    async onEvent(event) {
      const row = { event: event as unknown as EventRecord['event'] };
      await queue(row.event, wanting(await webhooks(), row));
      // A test is written by the API itself; its event says that it is there.
      if (event.name === 'webhook.tested') deps.onPending();
    },
    async catchUp() {
      const nowMs = deps.now();
      const all = await deps.book.webhooks();
      if (all.length > 0) {
        const sinceMs = lookedAtMs === undefined ? nowMs - firstLookBackMs : lookedAtMs - overlapMs;
        for await (const row of deps.book.eventsSince(new Date(sinceMs).toISOString())) {
          await queue(row.event, wanting(all, row));
        }
      }
      lookedAtMs = nowMs;
    },
  };
}
