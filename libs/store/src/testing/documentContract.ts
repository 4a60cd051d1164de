import { AlreadyExists, InvalidDocument, StoreUnavailable, VersionConflict } from '../errors.ts';
import { insertIfAbsent } from '../insertIfAbsent.ts';
import { jestGlobals } from './jestGlobals.ts';
import { type StoreFixture, type Thing, thing, things } from './things.ts';
import { withThings } from './withStore.ts';

/** Names and values that one or the other database has trouble with. */
const nastyJson = `{"": 1, "%": 2, "a.b": {"$c": [{"%24d": null, "e\\u0000f": "\\u0000"}]}, "$": [], "o": {},
  "long": 9007199254740991, "tiny": 5e-324, "huge": 1.7976931348623157e308, "text": "\\"\\\\\\n😀\\ufffd\\\\ud800"}`;

type Holds = (title: string, body: Parameters<typeof withThings>[1]) => void;

/** One document: what is written is what is read, versions guard it, and the schema is kept. */
export function documentContract(open: () => Promise<StoreFixture>): void {
  const { describe, test } = jestGlobals();
  const holds: Holds = (title, body) => test(title, withThings(open, body));
  describe('a document', () => contents(holds));
  describe('a version', () => versions(holds));
  describe('a unique index', () => uniqueness(holds));
  describe('a schema', () => schemas(holds));
}

function contents(holds: Holds): void {
  const { expect } = jestGlobals();

  holds('is read as it was written, with the defaults of its schema', async (collection) => {
    const doc = thing('a', { size: 1.5, done: false, place: { city: 'Köln', floor: -3 }, group: null });
    const written = await collection.insert(doc);
    expect(written).toEqual({ version: 1, doc: { ...doc, kind: 'plain' } });
    expect(await collection.get('a')).toEqual(written);
    expect(await collection.get('b')).toBeUndefined();
  });

  holds('holds any JSON: odd names, odd texts, the limits of numbers', async (_collection, { store }) => {
    const free = store.collection<Thing>({ ...things, name: 'free-form', indexes: [] });
    const extra: unknown = JSON.parse(nastyJson);
    await free.insert(thing('a', { extra }));
    expect((await free.get('a'))?.doc.extra).toEqual(extra);
    expect((await free.find({})).items[0]?.doc.extra).toEqual(extra);
  });

  holds('has its lone surrogates replaced, in every store alike', async (collection) => {
    await collection.insert(thing('a', { group: 'x\ud83dy', kind: '\\ud83d stays' }));
    expect((await collection.get('a'))?.doc).toMatchObject({ group: 'x\ufffdy', kind: '\\ud83d stays' });
    expect(await collection.count({ group: 'x\ud83dy' })).toBe(1);
  });

  holds('shares no memory with its reader or writer', async (collection) => {
    const doc = thing('a', { place: { city: 'Ulm' } });
    const written = await collection.insert(doc);
    if (doc.place) doc.place.city = 'changed by the writer';
    if (written.doc.place) written.doc.place.city = 'changed by the reader';
    expect((await collection.get('a'))?.doc.place).toEqual({ city: 'Ulm' });
  });

  holds('is seen at once through another connection', async (collection, { again }) => {
    const other = (await again()).collection(things);
    await collection.insert(thing('a', { size: 1 }));
    expect((await other.get('a'))?.doc.size).toBe(1);
    await other.replace(thing('a', { size: 2 }), 1);
    expect(await collection.get('a')).toMatchObject({ version: 2, doc: { size: 2 } });
  });

  holds('stays out of other collections', async (collection, { store }) => {
    await collection.insert(thing('a'));
    const others = store.collection<Thing>({ ...things, name: 'other-things' });
    expect(await others.get('a')).toBeUndefined();
    await others.insert(thing('a'));
    expect(await collection.delete('a')).toBe(true);
    expect(await others.count()).toBe(1);
  });

  holds('cannot be had from a closed store', async (collection, { store }) => {
    await collection.insert(thing('a'));
    await store.ping();
    await store.close();
    await expect(collection.get('a')).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(collection.insert(thing('b'))).rejects.toBeInstanceOf(StoreUnavailable);
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailable);
  });
}

function versions(holds: Holds): void {
  const { expect } = jestGlobals();

  holds(
    'grows by one with each replacement, which leaves nothing of the document before',
    async (collection) => {
      await collection.insert(thing('a', { size: 1, group: 'g' }));
      expect(await collection.replace(thing('a', { size: 2 }), 1)).toMatchObject({
        version: 2,
        doc: { size: 2 },
      });
      const third = await collection.replace(thing('a', { done: true }), 2);
      expect(third).toEqual({ version: 3, doc: { id: 'a', name: 'a', done: true, kind: 'plain' } });
      expect(await collection.get('a')).toEqual(third);
    },
  );

  holds('that is not the current one is refused and changes nothing', async (collection) => {
    await collection.insert(thing('a'));
    await collection.replace(thing('a', { size: 2 }), 1);
    for (const stale of [0, 1, 3]) {
      await expect(collection.replace(thing('a', { size: 9 }), stale)).rejects.toBeInstanceOf(
        VersionConflict,
      );
    }
    expect(await collection.get('a')).toMatchObject({ version: 2, doc: { size: 2 } });
  });

  holds('of a document that is gone is a conflict, never a new document', async (collection) => {
    await expect(collection.replace(thing('a'), 1)).rejects.toMatchObject({
      code: 'version-conflict',
      errorClass: 'transient',
    });
    expect(await collection.count()).toBe(0);
  });

  holds('guards a deletion when it is given', async (collection) => {
    await collection.insert(thing('a'));
    await collection.replace(thing('a', { size: 2 }), 1);
    await expect(collection.delete('a', 1)).rejects.toBeInstanceOf(VersionConflict);
    expect(await collection.count()).toBe(1);
    expect(await collection.delete('a', 2)).toBe(true);
    expect(await collection.delete('a', 2)).toBe(false);
    expect(await collection.delete('a')).toBe(false);
    expect(await collection.get('a')).toBeUndefined();
  });

  holds('starts anew when the document is inserted again', async (collection) => {
    await collection.insert(thing('a'));
    await collection.replace(thing('a', { size: 2 }), 1);
    expect(await collection.delete('a')).toBe(true);
    expect(await collection.insert(thing('a'))).toMatchObject({ version: 1 });
  });
}

function uniqueness(holds: Holds): void {
  const { expect } = jestGlobals();

  holds('and the id refuse a second document and say which field it is', async (collection) => {
    await collection.insert(thing('a', { name: 'first' }));
    for (const name of ['first', 'second']) {
      await expect(collection.insert(thing('a', { name }))).rejects.toMatchObject({ fields: ['id'] });
    }
    const taken = collection.insert(thing('b', { name: 'first' }));
    await expect(taken).rejects.toBeInstanceOf(AlreadyExists);
    await expect(taken).rejects.toMatchObject({ code: 'already-exists', fields: ['name'] });
    expect(await collection.count()).toBe(1);
  });

  holds('refuses a replacement that takes the value of another document', async (collection) => {
    await collection.insert(thing('a'));
    await collection.insert(thing('b'));
    await expect(collection.replace(thing('b', { name: 'a' }), 1)).rejects.toMatchObject({
      fields: ['name'],
    });
    expect(await collection.get('b')).toMatchObject({ version: 1, doc: { name: 'b' } });
    await collection.replace(thing('b', { size: 1 }), 1);
  });

  holds('frees a value when its document changes or goes', async (collection) => {
    await collection.insert(thing('a', { name: 'x' }));
    await collection.replace(thing('a', { name: 'y' }), 1);
    await collection.insert(thing('b', { name: 'x' }));
    await collection.delete('a');
    await collection.insert(thing('c', { name: 'y' }));
    expect(await collection.count({ name: { in: ['x', 'y'] } })).toBe(2);
  });

  holds('tells a repeat from a collision in insertIfAbsent', async (collection) => {
    const doc = thing('a', { name: 'x' });
    expect(await insertIfAbsent(collection, doc)).toBe(true);
    expect(await insertIfAbsent(collection, doc)).toBe(false);
    expect(await insertIfAbsent(collection, thing('a', { name: 'other' }))).toBe(false);
    await expect(insertIfAbsent(collection, thing('b', { name: 'x' }))).rejects.toMatchObject({
      fields: ['name'],
    });
    expect((await collection.get('a'))?.doc.name).toBe('x');
  });

  holds('needs its field in every document', async (collection, { store }) => {
    const byGroup = store.collection<Thing>({
      ...things,
      name: 'grouped',
      indexes: [{ fields: ['group', 'place.floor'], unique: true }],
    });
    await byGroup.insert(thing('a', { group: 'g', place: { floor: 1 } }));
    await byGroup.insert(thing('b', { group: 'g', place: { floor: 2 } }));
    const taken = byGroup.insert(thing('c', { group: 'g', place: { floor: 2 } }));
    await expect(taken).rejects.toMatchObject({ fields: ['group', 'place.floor'] });
    for (const doc of [thing('d', { group: null, place: { floor: 3 } }), thing('d', { group: 'g' })]) {
      await expect(byGroup.insert(doc)).rejects.toBeInstanceOf(InvalidDocument);
    }
    expect(await collection.count()).toBe(0);
  });
}

function schemas(holds: Holds): void {
  const { expect } = jestGlobals();
  const wrong = (doc: object) => doc as Thing;

  holds('refuses a document, names the field, and counts as our defect', async (collection) => {
    const refused = collection.insert(wrong({ id: 'a', name: 'a', place: { city: 5 } }));
    await expect(refused).rejects.toBeInstanceOf(InvalidDocument);
    await expect(refused).rejects.toMatchObject({ errorClass: 'ours', problems: [{ field: 'place.city' }] });
    await collection.insert(thing('b'));
    await expect(collection.replace(wrong({ id: 'b' }), 1)).rejects.toMatchObject({
      problems: [{ field: 'name' }],
    });
    expect(await collection.count()).toBe(1);
  });

  holds('drops what it does not know', async (collection) => {
    await collection.insert(wrong({ ...thing('a'), password: 'in the wrong place' }));
    expect((await collection.get('a'))?.doc).toEqual({ id: 'a', name: 'a', kind: 'plain' });
  });

  holds(
    'that became stricter does not hide old documents; one with new defaults fills them in',
    async (collection, { store }) => {
      const loose = store.collection<Thing>({ ...things, name: 'old-things' });
      await loose.insert(thing('a', { size: 5 }));
      const { schema } = things;
      const stricter = schema.refine((doc) => doc.size !== 5, 'must not be 5');
      const strict = store.collection<Thing>({ ...things, name: 'old-things', schema: stricter });
      expect((await strict.get('a'))?.doc).toMatchObject({ size: 5 });
      expect((await strict.find({})).items).toHaveLength(1);
      const transformed = schema.transform((doc) => ({ ...doc, group: doc.group ?? 'new default' }));
      const newer = store.collection<Thing>({ ...things, name: 'old-things', schema: transformed });
      expect((await newer.get('a'))?.doc.group).toBe('new default');
      expect(await collection.count()).toBe(0);
    },
  );

  holds('lets no id pass that a database could read differently', async (collection) => {
    for (const id of ['', 'a\u0000b', 'line\nbreak', 'x'.repeat(513), '\ud83d']) {
      await expect(collection.insert(thing(id, { name: 'n' }))).rejects.toMatchObject({
        problems: [{ field: 'id' }],
      });
    }
    await collection.insert(thing('run-1.mbx-Ä😀 $%/'));
    expect((await collection.get('run-1.mbx-Ä😀 $%/'))?.version).toBe(1);
  });

  holds('lets only scalars into an index field', async (collection) => {
    for (const extra of [['a'], { a: 1 }]) {
      await expect(collection.insert(thing('a', { extra }))).rejects.toMatchObject({
        problems: [{ field: 'extra' }],
      });
    }
    await collection.insert(thing('a', { extra: 'text' }));
    expect(await collection.count({ extra: 'text' })).toBe(1);
  });

  holds('cannot be got round by size', async (collection) => {
    const tooLarge = collection.insert(thing('a', { kind: 'x'.repeat(4 * 1024 * 1024) }));
    await expect(tooLarge).rejects.toMatchObject({ problems: [{ field: 'document' }] });
    const kind = 'ü'.repeat(1024 * 1024);
    await collection.insert(thing('b', { kind }));
    expect((await collection.get('b'))?.doc.kind).toBe(kind);
  });
}
