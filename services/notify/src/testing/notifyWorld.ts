import {
  type Alert,
  collections,
  defaultAlertSettings,
  type HoldfastEvent,
  type MailSettings,
  type Notification,
  type Settings,
} from '@holdfast/contracts';
import type { Messaging } from '@holdfast/messaging';
import { memoryBroker, memoryMessaging } from '@holdfast/messaging/testing';
import { createMetrics, silentLogger } from '@holdfast/runtime';
import { all, type Collection, createSealer, type Document, type Store } from '@holdfast/store';
import { memoryStore } from '@holdfast/store/testing';
import { type FakeClock, fakeClock } from '@holdfast/testing';
import { createHttpPoster } from '../adapters/httpPoster.ts';
import { createNotifyMetrics } from '../metrics.ts';
import type { MailMessage } from '../ports.ts';
import { type Notifier, type NotifyDeps, startNotify } from '../service.ts';
import { sampleMail } from './samples.ts';

/** A notifier on memory twins with a clock of its own; mails are only collected. */
export interface NotifyWorld {
  store: Store;
  clock: FakeClock;
  sealer: ReturnType<typeof createSealer>;
  mails: MailMessage[];
  /** A connection of its own to the broker of this world. */
  messaging(): Messaging;
  settings(given?: { mail?: Partial<MailSettings> } & Omit<Partial<Settings>, 'mail'>): Promise<void>;
  start(given?: Partial<NotifyDeps>): Promise<Notifier>;
  rows<K extends keyof typeof collections>(kind: K): Promise<DocOf<K>[]>;
  insert<K extends keyof typeof collections>(kind: K, ...docs: DocOf<K>[]): Promise<void>;
  change<K extends keyof typeof collections>(kind: K, id: string, change: Partial<DocOf<K>>): Promise<void>;
  alerts(): Promise<Alert[]>;
  notification(id: string): Promise<Notification | undefined>;
  events(name: string): Promise<HoldfastEvent[]>;
  /** Moves the clock on in steps until it is so. */
  until(what: string, condition: () => Promise<boolean> | boolean, stepMs?: number): Promise<void>;
  stop(): Promise<void>;
}

type DocOf<K extends keyof typeof collections> = (typeof collections)[K] extends {
  schema: { _output: infer T };
}
  ? T & Document
  : never;

const patienceMs = 100_000;

export function notifyWorld(start = '2026-11-22T12:00:00.000Z'): NotifyWorld {
  const store = memoryStore();
  const clock = fakeClock(start);
  const broker = memoryBroker();
  const sealer = createSealer({ keys: [{ id: 'k1', key: Buffer.alloc(32, 7) }] });
  const closers: (() => Promise<void>)[] = [];
  const mails: MailMessage[] = [];
  const collectionOf = <K extends keyof typeof collections>(kind: K): Collection<DocOf<K>> =>
    // biome-ignore lint/suspicious/noExplicitAny: the store checks each document against its schema
    store.collection(collections[kind] as any) as unknown as Collection<DocOf<K>>;
  const messaging = (): Messaging => {
    const made = memoryMessaging({ broker });
    closers.push(() => made.close());
    return made;
  };
  /** Deliveries under way. */
  let inHand = 0;
  const world: NotifyWorld = {
    ...{ store, clock, sealer, mails, messaging },
    async settings({ mail, alerts, ...rest } = {}) {
      await store.collection(collections.settings).delete('global');
      await store.collection(collections.settings).insert({
        ...{ id: 'global', mail: sampleMail(mail), alerts: alerts ?? defaultAlertSettings },
        ...rest,
      });
    },
    async start(given = {}) {
      const { poster = createHttpPoster({ limitMs: 60_000, now: () => performance.now() }), ...more } = given;
      const started = await startNotify({
        ...{ store, messaging: messaging(), clock, logger: silentLogger, secrets: sealer },
        mailer: {
          async send(_settings, message) {
            mails.push(message);
            return { kind: 'answered', accepted: message.to, refused: [] };
          },
        },
        poster: {
          async post(request, settings) {
            inHand += 1;
            try {
              return await poster.post(request, settings);
            } finally {
              inHand -= 1;
            }
          },
        },
        metrics: createNotifyMetrics(createMetrics('notify')),
        ...{ catchUpMs: 60_000, sendLimitMs: 60_000, webhookLimitMs: 60_000, webhooksAtOnce: 16 },
        ...{ alertsMs: 60_000, version: '0.1.0' },
        measure: async () => undefined,
        ...more,
      });
      closers.push(() => started.stop());
      return started;
    },
    async rows(kind) {
      return (await Array.fromAsync(all(collectionOf(kind)))).map(({ doc }) => doc);
    },
    async insert(kind, ...docs) {
      for (const doc of docs) await collectionOf(kind).insert(doc);
    },
    async change(kind, id, change) {
      const found = await collectionOf(kind).get(id);
      if (found === undefined) throw new Error(`there is no ${id}`);
      await collectionOf(kind).replace({ ...found.doc, ...change }, found.version);
    },
    alerts: async () => (await world.rows('alerts')).toSorted((a, b) => a.raisedAt.localeCompare(b.raisedAt)),
    notification: async (id) => (await store.collection(collections.notifications).get(id))?.doc,
    async events(name) {
      const rows = await world.rows('events');
      return rows.filter((row) => row.name === name).map((row) => row.event as unknown as HoldfastEvent);
    },
    async until(what, condition, stepMs = 1_000) {
      const limit = performance.now() + patienceMs;
      while (!(await condition())) {
        if (performance.now() > limit) throw new Error(`still not so: ${what}`);
        // Receivers are real, their answers need real time: meanwhile no claim may run out on the clock that is not.
        if (inHand === 0) await clock.advance(stepMs);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    },
    async stop() {
      for (const close of closers.reverse()) {
        let isClosed = false;
        const closing = close().finally(() => {
          isClosed = true;
        });
        while (!isClosed) {
          await clock.advance(1_000);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
        await closing;
      }
      await store.close();
    },
  };
  return world;
}
