import {
  deliveryIdOf,
  type EventRecord,
  idSchema,
  makeEvent,
  newId,
  type WebhookDelivery,
  webhookDeliverySchema,
} from '@holdfast/contracts';
import { all, insertIfAbsent, modify } from '@holdfast/store';
import { z } from 'zod';
import { Conflict, NotFound } from '../errors.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { joinedId } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'webhooks';
const params = z.object({ webhookId: idSchema });
const deliveryParams = z.object({ webhookId: idSchema, deliveryId: joinedId });
/** Dead letters replayed by one request; the answer says whether there are more. */
const mostReplayed = 1_000;

const nowIso = (ports: ApiPorts): string => new Date(ports.clock.now()).toISOString();

const test = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/webhooks/{webhookId}/test',
    operationId: 'testWebhook',
    tag,
    summary: 'Send the event `webhook.tested` to a webhook, whatever its filter',
    params,
    responses: { 202: { description: 'Notify sends it; see the delivery', schema: webhookDeliverySchema } },
    async handler({ params: { webhookId }, caller }) {
      await lookUp(ports.collections.webhooks, 'webhook', webhookId);
      const at = nowIso(ports);
      const event = makeEvent('webhook.tested', {
        ...{ source: 'api', subject: webhookId, key: newId('test'), time: at },
        data: { webhookId, requestedBy: caller.name },
      });
      const delivery: WebhookDelivery = {
        ...{ id: deliveryIdOf(webhookId, event.id), webhookId, eventId: event.id, eventName: event.name },
        event: { ...event } as unknown as EventRecord['event'],
        ...{ state: 'pending', tries: 0, createdAt: at, startedAt: at, nextTry: at },
      };
      await insertIfAbsent(ports.collections.webhookDeliveries, delivery);
      // Wakes notify, which sends what is written.
      await ports.announce(event);
      return { body: delivery, headers: { location: `deliveries/${delivery.id}` } };
    },
  });

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/webhooks/{webhookId}/deliveries',
    operationId: 'listWebhookDeliveries',
    tag,
    summary: 'List what was sent to a webhook, newest first; `state=dead` for what was given up',
    params,
    query: z.strictObject({ ...pageQuery, state: webhookDeliverySchema.shape.state.optional() }),
    responses: { 200: { description: 'A page', schema: pageOf(webhookDeliverySchema) } },
    async handler({ params: { webhookId }, query: { limit, after, state } }) {
      const page = await ports.collections.webhookDeliveries.find({
        where: { webhookId, ...(state === undefined ? {} : { state }) },
        sort: { field: 'createdAt', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/webhooks/{webhookId}/deliveries/{deliveryId}',
    operationId: 'getWebhookDelivery',
    tag,
    summary: 'Show a delivery: its event, its tries and the newest answer',
    params: deliveryParams,
    responses: { 200: { description: 'The delivery', schema: webhookDeliverySchema } },
    async handler({ params: { webhookId, deliveryId } }) {
      const { doc } = await lookUp(ports.collections.webhookDeliveries, 'delivery', deliveryId);
      if (doc.webhookId !== webhookId) throw new NotFound('delivery', deliveryId);
      return { body: doc };
    },
  });

/** Pending again, with 24 hours anew; undefined for one that waits already. */
function replayed(delivery: WebhookDelivery, at: string): WebhookDelivery | undefined {
  if (delivery.state === 'pending') return undefined;
  const { endedAt: _ended, ...rest } = delivery;
  return { ...rest, state: 'pending', tries: 0, startedAt: at, nextTry: at };
}

/** A suspended webhook would keep what is replayed waiting. @throws Conflict */
async function requireAtWork(ports: ApiPorts, webhookId: string): Promise<void> {
  const { doc } = await lookUp(ports.collections.webhooks, 'webhook', webhookId);
  if (doc.suspendedAt === undefined && doc.enabled) return;
  throw new Conflict(
    'webhook-off',
    `webhook "${doc.name}" is switched off, or was suspended after days of failures`,
    'Switch it on first: PATCH with enabled true (holdfast webhook change --enable).',
  );
}

const replayOne = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/webhooks/{webhookId}/deliveries/{deliveryId}/replay',
    operationId: 'replayWebhookDelivery',
    tag,
    summary: 'Send a delivery once more; the event keeps its id',
    params: deliveryParams,
    responses: { 202: { description: 'It is sent again', schema: webhookDeliverySchema } },
    async handler({ params: { webhookId, deliveryId } }) {
      await requireAtWork(ports, webhookId);
      const { webhookDeliveries } = ports.collections;
      const { doc } = await lookUp(webhookDeliveries, 'delivery', deliveryId);
      if (doc.webhookId !== webhookId) throw new NotFound('delivery', deliveryId);
      const written = await modify(webhookDeliveries, deliveryId, (now) => replayed(now, nowIso(ports)));
      return { body: written?.doc ?? doc };
    },
  });

const replayDead = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/webhooks/{webhookId}/replay',
    operationId: 'replayWebhook',
    tag,
    summary: 'Send all dead letters of a webhook once more, at most a thousand a request',
    params,
    responses: {
      202: {
        description: 'How many are sent again, and whether there are more',
        schema: z.object({ replayed: z.number().int(), more: z.boolean() }),
      },
    },
    async handler({ params: { webhookId } }) {
      await requireAtWork(ports, webhookId);
      const { webhookDeliveries } = ports.collections;
      const ids: string[] = [];
      for await (const { doc } of all(webhookDeliveries, { where: { webhookId, state: 'dead' } })) {
        ids.push(doc.id);
        if (ids.length > mostReplayed) break;
      }
      const chosen = ids.slice(0, mostReplayed);
      for (const id of chosen) await modify(webhookDeliveries, id, (now) => replayed(now, nowIso(ports)));
      return { body: { replayed: chosen.length, more: ids.length > chosen.length } };
    },
  });

export const webhookDeliveryRoutes = (ports: ApiPorts): Route[] =>
  [test, list, get, replayOne, replayDead].map((make) => make(ports));
