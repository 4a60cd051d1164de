import type { Json, JsonObject } from '@holdfast/contracts';
import { objectOf, textOf } from '../message/graphMessage.ts';
import type { GraphLine, LineRequest } from './line.ts';

/** The rows of an answer that is a list. */
export const rowsOf = (answer: JsonObject): JsonObject[] =>
  Array.isArray(answer.value) ? answer.value.map((row: Json) => objectOf(row)) : [];

export const nextLinkOf = (answer: JsonObject): string | undefined => {
  const link = textOf(answer['@odata.nextLink']);
  return link === '' ? undefined : link;
};

/** Follows a list to its end, page by page; the line checks the host of each link. */
export async function* pagesOf(line: GraphLine, request: LineRequest): AsyncGenerator<JsonObject[]> {
  let url: string | undefined = request.url;
  while (url !== undefined) {
    const answer = await line.json({ ...request, url });
    yield rowsOf(answer);
    url = nextLinkOf(answer);
  }
}
