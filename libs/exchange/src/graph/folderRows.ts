import { HoldfastError, type JsonObject } from '@holdfast/contracts';
import { extendedPropertyOf } from '../message/restoreJson.ts';
import type { GraphLine } from './line.ts';
import { pagesOf } from './paging.ts';

export const folderFields = 'id,displayName,parentFolderId,childFolderCount,totalItemCount,isHidden';
/** MS-OXCMSG PidTagContainerClass: v1.0 shows a folder's class in no other way. */
export const containerClass = 'String 0x3613';
export const expandClass = `$expand=singleValueExtendedProperties($filter=id%20eq%20'${encodeURIComponent(containerClass)}')`;

/** The class that a row says; undefined when it says none. */
export function folderClassOf(row: JsonObject): string | undefined {
  const value = extendedPropertyOf(row, containerClass) ?? '';
  return value === '' ? undefined : value;
}

/** What lies directly in a folder; without classes where the service does not expand them in lists. */
export async function childrenOf(
  line: GraphLine,
  path: string,
  expand = `&${expandClass}`,
): Promise<JsonObject[]> {
  const rows: JsonObject[] = [];
  const url = `${path}?includeHiddenFolders=true&$top=250&$select=${folderFields}${expand}`;
  try {
    for await (const page of pagesOf(line, { url, what: 'listing folders' })) rows.push(...page);
  } catch (error) {
    if (expand === '' || !isRefused(error)) throw error;
    return childrenOf(line, path, '');
  }
  return rows;
}

export const isRefused = (error: unknown): boolean =>
  error instanceof HoldfastError && error.code === 'request-refused';
