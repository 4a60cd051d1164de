export { shelfIdOf } from './catalog.ts';
export { CatalogUnavailable, CatalogUnreachable } from './errors.ts';
export { foldWord, plainText, wordsOf } from './foldText.ts';
export { openCatalog } from './openCatalog.ts';
export { kinds as itemKinds, type ParsedSearch, type ParseOptions, parseSearch } from './parseSearch.ts';
export type {
  AsOf,
  Behind,
  Catalog,
  CatalogBacklog,
  CatalogFolder,
  CatalogHit,
  CatalogItem,
  CatalogQuery,
  CatalogReader,
  CatalogWriter,
  FolderFacts,
  ItemDocument,
  ItemPlacement,
  ItemStatus,
  PointOfTime,
  PointToIndex,
  SearchPage,
  Shelf,
  ShelfBatch,
  ShelfFacts,
  ShelfFilter,
  ShelfPoint,
  ShelfStatus,
  Snippet,
} from './ports.ts';
export { type SearchField, type SearchTerm, searchFields } from './searchTerms.ts';
