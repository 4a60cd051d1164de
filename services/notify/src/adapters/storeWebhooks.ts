import { collections } from '@holdfast/contracts';
import { all, insertIfAbsent, modify, type Store } from '@holdfast/store';
import type { WebhookBook } from '../ports.ts';

/** Webhooks and their deliveries in the control data. */
export function createWebhookBook(store: Store): WebhookBook {
  const webhooks = store.collection(collections.webhooks);
  const deliveries = store.collection(collections.webhookDeliveries);
  const events = store.collection(collections.events);
  const settings = store.collection(collections.settings);
  return {
    async webhooks() {
      return (await Array.fromAsync(all(webhooks))).map(({ doc }) => doc);
    },
    webhook: async (id) => (await webhooks.get(id))?.doc,
    changeWebhook: async (id, edit) => (await modify(webhooks, id, edit))?.doc,
    delivery: async (id) => (await deliveries.get(id))?.doc,
    insertDelivery: (delivery) => insertIfAbsent(deliveries, delivery),
    async soonest(webhookId, limit) {
      const sort = { field: 'nextTry', order: 'asc' } as const;
      const { items } = await deliveries.find({ where: { webhookId, state: 'pending' }, sort, limit });
      return items.map(({ doc }) => doc);
    },
    changeDelivery: async (id, edit) => (await modify(deliveries, id, edit))?.doc,
    pending: () => deliveries.count({ state: 'pending' }),
    async *eventsSince(time) {
      const sort = { field: 'time', order: 'asc' } as const;
      for await (const { doc } of all(events, { where: { time: { gte: time } }, sort })) yield doc;
    },
    settings: async () => (await settings.get('global'))?.doc,
  };
}
