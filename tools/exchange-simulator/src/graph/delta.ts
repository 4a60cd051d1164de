import type { Reply } from '../http/reply.ts';
import type { Item } from '../mailbox/content.ts';
import type { Folder } from '../mailbox/mailbox.ts';
import { type MailContext, userPath } from './context.ts';
import { tokenOf } from './deltaLink.ts';
import type { DeltaState } from './deltaTokens.ts';
import { badRequest, GraphError, itemNotFound } from './errors.ts';
import { readExpand } from './expand.ts';
import { parseFilter } from './filter.ts';
import { messageText, type Wanted } from './messageJson.ts';
import { messageSelect } from './messages.ts';
import { allowQuery, numberOption } from './request.ts';

type Entry = { readonly n: number; readonly removed: boolean };
const FILTERED_MAXIMUM = 5000;

function readSince(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const filter = parseFilter(text);
  if (
    filter.op !== 'compare' ||
    filter.path !== 'receivedDateTime' ||
    (filter.by !== 'ge' && filter.by !== 'gt')
  ) {
    throw badRequest(
      'Change tracking supports a filter receivedDateTime ge or gt only.',
      'ErrorInvalidUrlQueryFilter',
    );
  }
  const time = Date.parse(String(filter.value));
  if (Number.isNaN(time)) throw badRequest('Invalid time in filter.', 'ErrorInvalidUrlQueryFilter');
  return filter.by === 'gt' ? time + 1000 : time;
}

function firstState(context: MailContext, folder: Folder): DeltaState {
  const { request, mailbox } = context;
  allowQuery(request, '$select', '$top', '$expand', '$filter', '$orderby', 'changetype', '$deltatoken');
  const order = request.query.get('$orderby');
  if (order !== undefined && !/^receivedDateTime( desc)?$/i.test(order))
    throw badRequest('Change tracking supports $orderby=receivedDateTime desc only.', 'ErrorInvalidUrlQuery');
  const changeType = request.query.get('changetype');
  if (changeType !== undefined && !['created', 'updated', 'deleted'].includes(changeType))
    throw badRequest(`Invalid changeType '${changeType}'.`);
  messageSelect(request.query.get('$select'));
  const since = readSince(request.query.get('$filter'));
  return {
    of: 'messages',
    mailbox: context.user.id,
    folder: folder.number,
    after: 0,
    until: mailbox.sequence,
    initial: true,
    phase: 0,
    cursor: 0,
    select: request.query.get('$select'),
    expand: request.query.get('$expand'),
    since,
    changeType,
    left:
      numberOption(request, '$top', 1, 2 ** 31 - 1) ?? (since === undefined ? undefined : FILTERED_MAXIMUM),
  };
}

/** Collects the next entries of a walk and the state behind them; `done` when the round is over. */
function collect(
  context: MailContext,
  start: DeltaState,
  limit: number,
): { entries: Entry[]; state: DeltaState; done: boolean } {
  const { mailbox } = context;
  const contents = mailbox.contents(start.folder);
  const entries: Entry[] = [];
  let { phase, cursor } = start;
  const room = Math.min(limit, start.left ?? limit);
  const state = () => ({
    ...start,
    phase,
    cursor,
    ...(start.left === undefined ? {} : { left: start.left - entries.length }),
  });
  while (phase === 0 && entries.length < room) {
    if (cursor >= contents.basePositions) {
      phase = 1;
      cursor = 0;
      break;
    }
    const n = mailbox.base.at(start.folder, cursor);
    if (start.since !== undefined && mailbox.base.receivedAt(n) < start.since) {
      phase = 1;
      cursor = 0;
      break;
    }
    if (contents.isAtHome(cursor)) entries.push({ n, removed: false });
    cursor++;
  }
  if (phase === 1 && entries.length < room) {
    let last = cursor;
    for (const change of mailbox.log(start.folder).changes(cursor, start.until)) {
      if (entries.length >= room) {
        cursor = last;
        return { entries, state: state(), done: false };
      }
      last = change.sequence;
      const entry = changeEntry(context, start, change.number);
      if (entry) entries.push(entry);
    }
    return { entries, state: state(), done: true };
  }
  const exhausted = start.left !== undefined && entries.length >= start.left;
  return { entries, state: state(), done: exhausted };
}

function changeEntry(context: MailContext, state: DeltaState, n: number): Entry | undefined {
  const { mailbox } = context;
  const item = mailbox.item(n);
  const here = item?.folder === state.folder;
  if (state.initial) {
    const home =
      n < mailbox.base.count &&
      mailbox.base.folderOf(n) === state.folder &&
      mailbox.contents(state.folder).isAtHome(mailbox.base.position(n));
    if (!here || home) return undefined; // what is at home was reported from the base
  }
  if (here && state.since !== undefined && item.state.receivedAt < state.since) return undefined;
  const kind = !here
    ? 'deleted'
    : mailbox.log(state.folder).enteredAt(n) > state.after
      ? 'created'
      : 'updated';
  if (!state.initial && state.changeType !== undefined && state.changeType !== kind) return undefined;
  return { n, removed: !here };
}

function entryJson(context: MailContext, entry: Entry, wanted: Wanted, folder: number) {
  const immutable = context.request.prefer.immutableIds;
  const item: Item | undefined = context.mailbox.item(entry.n);
  if (entry.removed || !item) {
    // A regular id names the place that the message left, so it is the one from before it moved.
    const moves = context.mailbox.log(folder).movesWhenLeft(entry.n);
    return {
      '@odata.type': '#microsoft.graph.message',
      id: context.mailbox.ids.message(entry.n, moves, immutable),
      '@removed': { reason: 'deleted' },
    };
  }
  return messageText(context, item, wanted, '#microsoft.graph.message');
}

/** The state in which the next round starts. */
function nextRound(state: DeltaState): DeltaState {
  const { left: _, ...rest } = state;
  return { ...rest, left: undefined, initial: false, phase: 1, after: state.until, cursor: state.until };
}

function openState(context: MailContext, folder: Folder, restart: string): DeltaState {
  const given = tokenOf(context.request);
  if (!given) return firstState(context, folder);
  const state = context.state.tokens.open(
    given.token,
    { of: 'messages', mailbox: context.user.id, folder: folder.number, link: given.link },
    restart,
  );
  if (given.link === 'next') return state;
  const { random, chaos } = context.state;
  const replayed =
    chaos.replays > 0 && random.unit() < chaos.replays ? Math.max(0, state.after - 5) : state.after;
  return { ...state, after: replayed, cursor: replayed, until: context.mailbox.sequence };
}

/** `GET /mailFolders/{id}/messages/delta`. */
export async function messageDelta(context: MailContext, folder: Folder, basic: boolean): Promise<Reply> {
  const { request, state: graph } = context;
  if (context.user.kind === 'full')
    throw new GraphError(
      507,
      'ErrorQuotaExceeded',
      'The mailbox has exceeded its quota: change tracking is not possible.',
    );
  const path = `${userPath(context)}/mailFolders/${encodeURIComponent(context.mailbox.ids.folder(folder.number))}/messages/delta`;
  const start = openState(context, folder, `${path}?$deltatoken=`);
  const wanted = { select: messageSelect(start.select), expand: readExpand(start.expand), basic };
  const size = Math.min(graph.limits.maxPageSize, request.prefer.maxPageSize ?? 10);
  const { chaos, random } = graph;
  const isEmpty = chaos.emptyPages > 0 && random.unit() < chaos.emptyPages;
  const limit = chaos.randomPageSizes ? 1 + random.below(size) : size;
  const { entries, state, done } = isEmpty
    ? { entries: [], state: start, done: false }
    : collect(context, start, limit);
  const value = [];
  for (const entry of entries) {
    value.push(await entryJson(context, entry, wanted, folder.number));
    if (chaos.duplicates > 0 && random.unit() < chaos.duplicates) value.push(value.at(-1));
  }
  const link = done
    ? { '@odata.deltaLink': `${path}?$deltatoken=${graph.tokens.seal(nextRound(state), 'delta')}` }
    : { '@odata.nextLink': `${path}?$skiptoken=${graph.tokens.seal(state, 'next')}` };
  return {
    status: 200,
    headers: { 'preference-applied': 'odata.track-changes' },
    json: { '@odata.context': `${request.root}/$metadata#Collection(message)`, ...link, value },
  };
}

/** The folder of a delta request; with a token, a deleted folder is told in the words of change tracking. */
export function deltaFolder(context: MailContext, find: () => Folder): Folder {
  try {
    return find();
  } catch (error) {
    if (error instanceof GraphError && error.code === itemNotFound().code && tokenOf(context.request)) {
      throw new GraphError(404, 'ErrorSyncFolderNotFound', 'The folder was not found for synchronization.');
    }
    throw error;
  }
}
