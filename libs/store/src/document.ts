import type { CollectionDeclaration, FieldProblem, JsonObject } from '@holdfast/contracts';
import { indexedFields, valueAt } from './declaration.ts';
import { InvalidDocument } from './errors.ts';
import type { Document, Stored } from './ports.ts';

/** Bytes of JSON. MongoDB stops at 16 MiB of BSON, which can be some three times larger than its JSON. */
export const maxDocumentBytes = 4 * 1024 * 1024;

const maxIdLength = 512;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const controlCharacter = /[\u0000-\u001f\u007f]/;

/** A document that may be written: `json` is its text, `value` the same as an object. */
export interface PreparedDocument {
  id: string;
  json: string;
  value: JsonObject;
}

function idProblems(id: unknown): FieldProblem[] {
  if (typeof id !== 'string' || id === '')
    return [{ field: 'id', message: 'must be a text that is not empty' }];
  if (id.length > maxIdLength)
    return [{ field: 'id', message: `must have at most ${maxIdLength} characters` }];
  if (controlCharacter.test(id)) return [{ field: 'id', message: 'must not contain control characters' }];
  if (!id.isWellFormed()) return [{ field: 'id', message: 'must be well-formed Unicode' }];
  return [];
}

/** Both databases must read the same from an index field: a scalar, and one that is there where it is unique. */
function indexProblems(declaration: CollectionDeclaration<unknown>, value: JsonObject): FieldProblem[] {
  const required = new Set(declaration.indexes.filter((i) => i.unique).flatMap((i) => i.fields));
  const problems: FieldProblem[] = [];
  for (const field of indexedFields(declaration)) {
    const parents = field.split('.').slice(0, -1);
    const throughArray = parents.some((_, i) =>
      Array.isArray(valueAt(value, parents.slice(0, i + 1).join('.'))),
    );
    const found = valueAt(value, field);
    if (throughArray || (typeof found === 'object' && found !== null)) {
      problems.push({ field, message: 'an index field must be a text, a number or a boolean' });
    } else if (required.has(field) && (found === undefined || found === null)) {
      problems.push({ field, message: 'a field of a unique index must be there' });
    }
  }
  return problems;
}

/**
 * Checks a document by its collection's schema and brings it into the one form both databases keep: JSON, with the
 * schema's defaults, without what the schema does not know, and with well-formed Unicode only (BSON has no lone
 * surrogates, so they become U+FFFD everywhere).
 * @throws InvalidDocument naming each wrong field
 */
export function prepareDocument<T extends Document>(
  declaration: CollectionDeclaration<T>,
  doc: T,
): PreparedDocument {
  const parsed = declaration.schema.safeParse(doc);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((i) => ({
      field: i.path.join('.') || 'document',
      message: i.message,
    }));
    throw new InvalidDocument(declaration.name, doc.id, problems);
  }
  const problems = idProblems(parsed.data.id);
  if (problems.length > 0) throw new InvalidDocument(declaration.name, doc.id, problems);
  let json = JSON.stringify(parsed.data);
  // JSON.stringify writes a lone surrogate, and only that, as a \ud... escape; an escaped backslash before "ud" is
  // told apart by the second, exact pass.
  if (json.includes('\\ud')) {
    json = JSON.stringify(parsed.data, (_key, v: unknown) => (typeof v === 'string' ? v.toWellFormed() : v));
  }
  if (Buffer.byteLength(json) > maxDocumentBytes) {
    const message = `must be smaller than ${maxDocumentBytes} bytes`;
    throw new InvalidDocument(declaration.name, doc.id, [{ field: 'document', message }]);
  }
  const value = JSON.parse(json) as JsonObject;
  const indexed = indexProblems(declaration as CollectionDeclaration<unknown>, value);
  if (indexed.length > 0) throw new InvalidDocument(declaration.name, doc.id, indexed);
  return { id: parsed.data.id, json, value };
}

/** What a writer gets back: the document as it was checked and is stored now. */
export const writtenDocument = <T extends Document>(
  prepared: PreparedDocument,
  version: number,
): Stored<T> => ({
  doc: prepared.value as unknown as T,
  version,
});

/**
 * What a reader gets for the stored JSON: with defaults of fields that came with a later release. A document that
 * the schema does not accept (any more) is handed out as it is: a reader must get at old data.
 */
export function readDocument<T extends Document>(declaration: CollectionDeclaration<T>, value: unknown): T {
  const parsed = declaration.schema.safeParse(value);
  return parsed.success ? parsed.data : (value as T);
}
