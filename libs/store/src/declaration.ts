import { type CollectionDeclaration, HoldfastError, type IndexDeclaration } from '@holdfast/contracts';

const collectionName = /^[a-z][a-z0-9-]{0,40}$/;
const fieldPath = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/;

/**
 * Checks names, which become parts of SQL text and of MongoDB paths and are therefore plain.
 * @throws HoldfastError (ours)
 */
export function checkDeclaration(
  declaration: Pick<CollectionDeclaration<unknown>, 'name' | 'indexes'>,
): void {
  const wrong = (what: string) =>
    new HoldfastError('invalid-declaration', 'ours', `collection ${declaration.name}: ${what}`);
  if (!collectionName.test(declaration.name))
    throw wrong('the name must be lower case letters, digits and -');
  for (const { fields } of declaration.indexes) {
    if (fields.length === 0) throw wrong('an index needs a field');
    for (const field of fields) {
      if (field === 'id' || !fieldPath.test(field)) throw wrong(`${field} cannot be an index field`);
    }
  }
}

/** All fields that conditions and sorts may name, besides `id`. */
export function indexedFields(declaration: Pick<CollectionDeclaration<unknown>, 'indexes'>): Set<string> {
  return new Set(declaration.indexes.flatMap((index) => index.fields));
}

/** A name that says what the index is, so that the same declaration finds its index again. */
export function indexName(index: IndexDeclaration): string {
  return [index.unique ? 'unique' : 'by', ...index.fields].join('_').replaceAll('.', '_');
}

/** The value at a dotted path of a JSON object; undefined where the path ends early. */
export function valueAt(document: unknown, path: string): unknown {
  let value = document;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}
