import {
  errorFacts,
  type HoldfastEvent,
  makeEvent,
  type Webhook,
  type WebhookDelivery,
} from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import {
  claimDelivery,
  decideWebhookDelivery,
  noteHealth,
  wasTaken,
  webhookPause,
} from './domain/decideWebhook.ts';
import { signatureHeaders } from './domain/signature.ts';
import { isAtWork } from './domain/wantsEvent.ts';
import type { NotifyMetrics } from './metrics.ts';
import type { Announce, Poster, PostResult, SecretOpener, WebhookBook } from './ports.ts';
import type { Wakeup } from './wakeup.ts';

export interface DeliverDeps {
  book: WebhookBook;
  poster: Poster;
  secrets: SecretOpener;
  announce: Announce;
  clock: Clock;
  logger: Logger;
  metrics: NotifyMetrics;
  /** Within this time a try has ended, one way or the other; ms. */
  claimMs: number;
  /** Deliveries under way at the same time, over all webhooks. */
  atOnce: number;
  version: string;
}

/** At most so many of them to one receiver. */
const atOnceEach = 4;
const batchSize = 32;
const idleMs = 30_000;
const longestCooldownMs = 60_000;

export interface Deliveries {
  /** Looks for due deliveries until the signal is aborted; then ends what is under way. */
  run(signal: AbortSignal): Promise<void>;
}

/** Delivers to each webhook by itself, so that one receiver that hangs does not keep the others waiting. */
export function createDeliveries(deps: DeliverDeps, wakeup: Wakeup): Deliveries {
  const { book, clock, logger, metrics } = deps;
  const underWay = new Map<string, Promise<void>>();
  /** Failures in a row and until when a receiver is left alone: its backlog must not hammer it. */
  const cooling = new Map<string, { failures: number; untilMs: number }>();
  let busy = 0;

  async function serveBatch(webhook: Webhook, due: readonly WebhookDelivery[]): Promise<void> {
    const queue = [...due];
    let failed = false;
    const lane = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined && !failed; next = queue.shift()) {
        const result = await tryDelivery(deps, webhook, next.id);
        if (result !== undefined && !wasTaken(result)) failed = true;
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnceEach, due.length) }, lane));
    const failures = failed ? (cooling.get(webhook.id)?.failures ?? 0) + 1 : 0;
    if (failures === 0) cooling.delete(webhook.id);
    else {
      const untilMs = clock.now() + Math.min(longestCooldownMs, webhookPause(failures));
      cooling.set(webhook.id, { failures, untilMs });
    }
  }

  /** Begins what is due of one webhook; answers when to look again, ms since epoch. */
  async function look(webhook: Webhook): Promise<number> {
    const untilMs = cooling.get(webhook.id)?.untilMs ?? 0;
    if (untilMs > clock.now()) return untilMs;
    const soonest = await book.soonest(webhook.id, batchSize);
    const isDue = (delivery: WebhookDelivery) => dueMs(delivery) <= clock.now();
    const due = soonest.filter((delivery) => isDue(delivery) && maySend(webhook, delivery));
    const waiting = soonest.find((delivery) => !isDue(delivery));
    if (due.length === 0) return waiting === undefined ? Number.POSITIVE_INFINITY : dueMs(waiting);
    const width = Math.min(atOnceEach, due.length);
    if (busy + width > deps.atOnce && busy > 0) return Number.POSITIVE_INFINITY;
    busy += width;
    const serving = serveBatch(webhook, due)
      .catch((error: unknown) => {
        cooling.set(webhook.id, { failures: 1, untilMs: clock.now() + webhookPause(1) });
        logger.warn({ webhookId: webhook.id, error: errorFacts(error) }, 'deliveries wait; tried again');
      })
      .finally(() => {
        busy -= width;
        underWay.delete(webhook.id);
        wakeup.wake();
      });
    underWay.set(webhook.id, serving);
    return Number.POSITIVE_INFINITY;
  }

  return {
    async run(signal) {
      while (!signal.aborted) {
        let nextMs = clock.now() + idleMs;
        try {
          for (const webhook of await book.webhooks()) {
            if (signal.aborted || underWay.has(webhook.id)) continue;
            nextMs = Math.min(nextMs, await look(webhook));
          }
          metrics.webhookPending.set(await book.pending());
        } catch (error) {
          logger.warn({ error: errorFacts(error) }, 'webhooks wait until the control data can be reached');
        }
        await wakeup.sleep(Math.max(100, nextMs - clock.now()), signal);
      }
      await Promise.all(underWay.values());
    },
  };
}

/** One that is off, or suspended, may still be tested; the rest waits for it. */
const maySend = (webhook: Webhook, { eventName }: WebhookDelivery): boolean =>
  isAtWork(webhook) || eventName === 'webhook.tested';
const dueMs = (delivery: WebhookDelivery): number =>
  new Date(delivery.nextTry ?? delivery.createdAt).getTime();

/**
 * One try. The claim is written before anything is sent and the result right after the answer; a crash in between leaves
 * the claim, and when that has run out the event is sent again with the same id.
 */
async function tryDelivery(deps: DeliverDeps, webhook: Webhook, id: string): Promise<PostResult | undefined> {
  const { book, clock } = deps;
  const claimed = await book.changeDelivery(id, (current) =>
    claimDelivery(current, clock.now(), deps.claimMs),
  );
  if (claimed === undefined) return undefined;
  const result = await send(deps, webhook, claimed);
  const after = await book.changeDelivery(id, (current) =>
    current.state === 'pending' && current.tries === claimed.tries
      ? decideWebhookDelivery(current, result, clock.now())
      : undefined,
  );
  if (after !== undefined) await tell(deps, webhook, after, result);
  return result;
}

async function send(deps: DeliverDeps, webhook: Webhook, delivery: WebhookDelivery): Promise<PostResult> {
  const { book, clock, secrets } = deps;
  try {
    const nowMs = clock.now();
    const body = JSON.stringify(delivery.event);
    const { previousSecret } = webhook;
    const sealed = [webhook.sealedSecret];
    if (previousSecret !== undefined && new Date(previousSecret.until).getTime() > nowMs)
      sealed.push(previousSecret.sealedSecret);
    const keys = sealed.map((one) => secrets.open(one, `webhook:${webhook.id}`));
    const message = { id: delivery.eventId, body, timestampSeconds: Math.floor(nowMs / 1_000) };
    const headers = {
      'content-type': 'application/cloudevents+json; charset=utf-8',
      'user-agent': `Holdfast/${deps.version}`,
      'webhook-attempt': String(delivery.tries),
      ...signatureHeaders(message, keys),
    };
    return await deps.poster.post({ url: webhook.url, headers, body }, (await book.settings())?.webhooks);
  } catch (error) {
    return { kind: 'failed', error: errorFacts(error).message, tookMs: 0 };
  }
}

async function tell(
  deps: DeliverDeps,
  webhook: Webhook,
  delivery: WebhookDelivery,
  result: PostResult,
): Promise<void> {
  const { book, clock, logger, metrics } = deps;
  const { id: deliveryId, webhookId, tries, error, nextTry, state } = delivery;
  metrics.webhookTries.inc({ result: state === 'pending' ? 'later' : state });
  const words = { deliveryId, webhookId, tries, error, nextTry };
  if (state === 'dead') logger.error(words, 'an event could not be delivered; it is kept as a dead letter');
  else if (state === 'pending') logger.warn(words, 'an event could not be delivered; it is tried again');
  // A test says nothing about how a webhook fares with what it subscribed to.
  if (delivery.eventName === 'webhook.tested' && !wasTaken(result)) return;
  const before = webhook.suspendedAt;
  const after = await book.changeWebhook(webhookId, (current) => noteHealth(current, result, clock.now()));
  if (after?.suspendedAt === undefined || before !== undefined) return;
  logger.error({ webhookId, error }, 'a webhook took nothing for days and is suspended');
  await deps.announce(suspended(after, after.suspendedAt));
}

const suspended = ({ id }: Webhook, at: string): HoldfastEvent =>
  makeEvent('webhook.changed', {
    ...{ source: 'notify', subject: id, key: `${id}/suspended/${at}`, time: at },
    data: { webhookId: id, change: 'suspended' },
  });
