import {
  type AsOf,
  type Catalog,
  type CatalogQuery,
  parseSearch,
  type SearchTerm,
  searchFields,
  wordsOf,
} from '@holdfast/catalog';
import { InvalidInput, type SearchInput, type SearchPageView } from '@holdfast/contracts';

const shortestPart = 3;

/** A search as people and programs ask it, as the catalog takes it. @throws InvalidInput */
export function catalogQueryOf(input: SearchInput): CatalogQuery {
  const { organizationIds, mailboxIds, repositoryIds } = input;
  if (organizationIds === undefined && mailboxIds === undefined && repositoryIds === undefined) {
    const message = 'name at least one organization, mailbox or repository to search in';
    throw new InvalidInput([{ field: 'organizationIds', message }]);
  }
  const { terms, ...words } = parseSearch(input.query ?? '', { parts: input.parts === true });
  const { larger, smaller, hasAttachments, kind, folder, recoverable, order, limit, cursor } = input;
  const filters = {
    after: timeOf(input.after),
    before: timeOf(input.before),
    ...{ larger, smaller, hasAttachments, kind, folder, recoverable },
  };
  return {
    scope: defined({ organizationIds, mailboxIds, repositoryIds }),
    terms: [...terms, ...(input.terms ?? []).map(termOf)],
    ...words,
    ...defined(filters),
    asOf: asOf(input.asOf),
    ...{ order, limit },
    ...defined({ cursor }),
  };
}

const timeOf = (iso: string | undefined): number | undefined =>
  iso === undefined ? undefined : Date.parse(iso);

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

const defined = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;

function termOf(
  { text, in: fields, match, not }: NonNullable<SearchInput['terms']>[number],
  index: number,
): SearchTerm {
  const words = wordsOf(text);
  const refuse = (message: string): InvalidInput =>
    new InvalidInput([{ field: `terms.${index}.text`, message }]);
  if (words.length === 0) throw refuse('has no letter and no digit to look for');
  const isShort = (words[0]?.length ?? 0) < shortestPart && words.length === 1;
  if (isShort && (match === 'part' || match === 'suffix') && /^\p{ASCII}+$/u.test(text)) {
    throw refuse(`give at least ${shortestPart} letters of a part of a word`);
  }
  return { fields: fields ?? searchFields, words, match, ...(not === true ? { not } : {}) };
}

const timePattern = /^\d{4}-\d{2}-\d{2}(T.+)?$/;

function asOf(text: string): AsOf {
  if (text === 'ever' || text === 'latest') return { kind: text };
  if (timePattern.test(text)) {
    const time = Date.parse(text);
    if (Number.isNaN(time)) {
      const message =
        'must be ever, latest, a time such as 2026-01-31T08:00:00Z, or the id of a restore point';
      throw new InvalidInput([{ field: 'asOf', message }]);
    }
    return { kind: 'time', time };
  }
  // `<repositoryId>.<pointId>` as lists name points, or the point's own id.
  return { kind: 'point', pointId: text.slice(text.lastIndexOf('.') + 1) };
}

/** Carries a search out. @throws InvalidInput */
export async function searchItems(
  catalog: Pick<Catalog, 'search'>,
  input: SearchInput,
): Promise<SearchPageView> {
  const { hits, next, behind, tooManyWords } = await catalog.search(catalogQueryOf(input));
  return {
    items: hits,
    ...(next === undefined ? {} : { next }),
    behind,
    ...(tooManyWords === true ? { tooManyWords } : {}),
  };
}
