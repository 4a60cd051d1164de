import type { CollectionDeclaration } from '@holdfast/contracts';
import { z } from 'zod';
import type { Collection, Query, Store } from '../ports.ts';

const thingSchema = z.object({
  id: z.string(),
  name: z.string(),
  group: z.string().nullable().optional(),
  size: z.number().optional(),
  done: z.boolean().optional(),
  place: z.object({ city: z.string().optional(), floor: z.number().optional() }).optional(),
  kind: z.string().default('plain'),
  /** Anything at all, also at places where an index field was declared carelessly. */
  extra: z.unknown().optional(),
});

/** What the contract suite stores: every type of field, missing ones, nested ones. */
export type Thing = z.input<typeof thingSchema>;

export const things: CollectionDeclaration<Thing> = {
  name: 'things',
  schema: thingSchema as unknown as z.ZodType<Thing>,
  indexes: [
    { fields: ['name'], unique: true },
    { fields: ['group', 'size'] },
    { fields: ['size'] },
    { fields: ['done', 'name'] },
    { fields: ['place.city'] },
    { fields: ['extra'] },
  ],
};

/** A thing whose name is its id unless said otherwise. */
export const thing = (id: string, more: Partial<Thing> = {}): Thing => ({ id, name: id, ...more });

/** A store under test. */
export interface StoreFixture {
  store: Store;
  /** Another connection to the same data, as a second service has it; for a store in memory the same one. */
  again(): Promise<Store>;
  /** Closes all connections and removes the data. */
  dispose(): Promise<void>;
}

/** The ids that a query finds, walking all pages. */
export async function idsOf(collection: Collection<Thing>, query: Query): Promise<string[]> {
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await collection.find({ ...query, ...(after === undefined ? {} : { after }) });
    ids.push(...page.items.map(({ doc }) => doc.id));
    after = page.next;
  } while (after !== undefined);
  return ids;
}

/** All at once, as a busy service writes them. */
export async function insertAll(collection: Collection<Thing>, docs: readonly Thing[]): Promise<void> {
  await Promise.all(docs.map((doc) => collection.insert(doc)));
}
