import { readFileSync } from 'node:fs';
import {
  type BudgetPort,
  cloudNamed,
  createGraphConnector,
  type Folder,
  type GraphConnectorOptions,
  type ItemContent,
  type ItemUpsert,
  type MailboxConnector,
  type MailboxReader,
  parseClouds,
  type RestorableAttachment,
  type RestorableItem,
  storedAttachmentsOf,
  unlimitedBudget,
} from '@holdfast/exchange';
import {
  DEFAULT_CLIENT,
  DEFAULT_SECRET,
  DEFAULT_TENANT,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '@holdfast/exchange-simulator';
import { type MimePart, scanMime, walkParts } from '@holdfast/mime';
import { systemClock, systemRandom } from '@holdfast/runtime';

/** A simulated tenant and what connects to it. */
export interface World {
  sim: Simulator;
  connect(options?: Partial<GraphConnectorOptions>): MailboxConnector;
  close(): Promise<void>;
}

export const signal = new AbortController().signal;

/** Starts a simulator; `fill` and limits as given, else three small mailboxes. */
export async function startWorld(options: SimulatorOptions = {}): Promise<World> {
  const sim = await startSimulator(options);
  const connectors: MailboxConnector[] = [];
  const record = {
    name: 'simulated',
    authority: sim.authority,
    graphRoot: sim.graphRoot,
    scope: `${sim.graphRoot}/.default`,
    caPem: readFileSync(sim.caFile, 'utf8'),
  };
  const cloud = cloudNamed('simulated', parseClouds(JSON.stringify([record])));
  return {
    sim,
    connect(more = {}) {
      const connector = createGraphConnector({
        cloud,
        tenantId: DEFAULT_TENANT,
        clientId: DEFAULT_CLIENT,
        credential: { kind: 'secret', secret: DEFAULT_SECRET },
        budget: unlimitedBudget(),
        clock: systemClock,
        random: systemRandom,
        retry: { baseMs: 5, longestMs: 50 },
        ...more,
      });
      connectors.push(connector);
      return connector;
    },
    async close() {
      await Promise.all(connectors.map((connector) => connector.close()));
      await sim.close();
    },
  };
}

/** A tenant with the default application and this fill. */
export const tenantWith = (fill: NonNullable<SimulatorOptions['tenants']>[number]['fill']) => ({
  tenants: [
    {
      tenantId: DEFAULT_TENANT,
      applications: [{ clientId: DEFAULT_CLIENT, secrets: [{ value: DEFAULT_SECRET }] }],
      ...(fill === undefined ? {} : { fill }),
    },
  ],
});

export const whole = async (data: Uint8Array | AsyncIterable<Uint8Array>): Promise<Buffer> => {
  if (data instanceof Uint8Array) return Buffer.from(data);
  const pieces: Uint8Array[] = [];
  for await (const piece of data) pieces.push(piece);
  return Buffer.concat(pieces);
};

export async function foldersOf(
  reader: MailboxReader,
  cursor?: string,
): Promise<{ folders: Folder[]; cursor: string }> {
  const folders: Folder[] = [];
  let next = '';
  for await (const batch of reader.folderChanges(cursor)) {
    for (const change of batch.changes) if (change.kind === 'upsert') folders.push(change.folder);
    next = batch.cursor;
  }
  return { folders, cursor: next };
}

/** One round of changes applied to a map of items. */
export async function applyRound(
  reader: MailboxReader,
  folderId: string,
  items: Map<string, ItemUpsert>,
  cursor?: string,
): Promise<string> {
  let next = cursor ?? '';
  for await (const batch of reader.itemChanges(folderId, cursor)) {
    for (const change of batch.changes) {
      if (change.kind === 'removed') items.delete(change.id);
      else items.set(change.id, change);
    }
    next = batch.cursor;
  }
  return next;
}

function decodedPart(mime: Buffer, part: MimePart): Buffer {
  const body = mime.subarray(part.body.start, part.body.end);
  return part.transferEncoding === 'base64' ? Buffer.from(body.toString('latin1'), 'base64') : body;
}

/** What a restore would make of a stored item: attachments from the MIME and the extra parts. */
export async function restorable(item: ItemUpsert, content: ItemContent): Promise<RestorableItem> {
  const mime = await whole(content.mime);
  const extra = new Map<string, Buffer>();
  for (const part of content.extraParts) extra.set(part.name, await whole(part.data));
  const parts = new Map([...walkParts(scanMime(mime))].map((part) => [part.path, part]));
  const attachments = storedAttachmentsOf(content.properties).map((stored): RestorableAttachment => {
    const { bytes: place, ...facts } = stored;
    const part = place.source === 'mime' ? parts.get(place.partPath) : undefined;
    const bytes = part
      ? decodedPart(mime, part)
      : place.source === 'extra'
        ? extra.get(place.name)
        : undefined;
    return {
      ...facts,
      size: bytes?.length ?? 0,
      async *open() {
        yield await Promise.resolve(bytes ?? Buffer.alloc(0));
      },
    };
  });
  const { attachments: _, ...properties } = content.properties;
  return { properties, state: item.state, attachments };
}

/** A budget that counts what is held at a time. */
export function countingBudget(concurrency = 4): BudgetPort & { held: number; peak: number } {
  const inner = unlimitedBudget(concurrency);
  const budget = {
    held: 0,
    peak: 0,
    async acquire(name: string, lane: 'backup' | 'restore', stop: AbortSignal) {
      const grant = await inner.acquire(name, lane, stop);
      budget.peak = Math.max(budget.peak, ++budget.held);
      return Object.assign(Object.create(grant), {
        concurrency: grant.concurrency,
        lost: grant.lost,
        fenceUntil: (timeMs: number) => grant.fenceUntil(timeMs),
        release: () => {
          budget.held--;
          return grant.release();
        },
      });
    },
  };
  return budget;
}
