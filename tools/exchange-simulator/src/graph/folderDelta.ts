import type { Reply } from '../http/reply.ts';
import { isMailFolder, ROOT } from '../mailbox/mailbox.ts';
import { type MailContext, userPath } from './context.ts';
import { tokenOf } from './deltaLink.ts';
import type { DeltaState } from './deltaTokens.ts';
import { GraphError } from './errors.ts';
import { folderJson } from './folders.ts';
import { allowQuery } from './request.ts';
import { FOLDER, readSelect } from './schema.ts';

/** `GET /mailFolders/delta`: the whole tree flat, then what changed. */
export function folderDelta(context: MailContext): Reply {
  const { request, mailbox, state: graph } = context;
  if (context.user.kind === 'full')
    throw new GraphError(
      507,
      'ErrorQuotaExceeded',
      'The mailbox has exceeded its quota: change tracking is not possible.',
    );
  const path = `${userPath(context)}/mailFolders/delta`;
  const given = tokenOf(request);
  if (!given) allowQuery(request, '$select', '$deltatoken', 'includehiddenfolders');
  const fresh: DeltaState = {
    of: 'folders',
    mailbox: context.user.id,
    folder: ROOT,
    after: 0,
    until: mailbox.sequence,
    initial: true,
    phase: 0,
    cursor: 0,
    select: request.query.get('$select'),
    expand: undefined,
    since: undefined,
    changeType: undefined,
    left: undefined,
  };
  let state = given
    ? graph.tokens.open(
        given.token,
        { of: 'folders', mailbox: context.user.id, folder: ROOT, link: given.link },
        `${path}?$deltatoken=`,
      )
    : fresh;
  if (given?.link === 'delta') state = { ...state, until: mailbox.sequence };
  const select = readSelect(state.select, FOLDER, 'mailFolder');
  const size = Math.min(graph.limits.maxPageSize, request.prefer.maxPageSize ?? 10);
  const numbers = state.initial
    ? mailbox
        .allFolders()
        .filter(isMailFolder)
        .map((folder) => folder.number)
    : [...mailbox.folderLog.changes(state.after, state.until)]
        .map((change) => change.number)
        .filter((number) => isMailFolder(mailbox.folder(number) ?? { folderClass: 'IPF.Note' }));
  const page = numbers.slice(state.cursor, state.cursor + size);
  const done = state.cursor + size >= numbers.length;
  const value = page.map((number) => {
    const folder = mailbox.folder(number);
    return folder
      ? folderJson(context, folder, select)
      : {
          '@odata.type': '#microsoft.graph.mailFolder',
          id: mailbox.ids.folder(number),
          '@removed': { reason: 'deleted' },
        };
  });
  const link = done
    ? {
        '@odata.deltaLink': `${path}?$deltatoken=${graph.tokens.seal({ ...state, initial: false, after: state.until, cursor: 0 }, 'delta')}`,
      }
    : {
        '@odata.nextLink': `${path}?$skiptoken=${graph.tokens.seal({ ...state, cursor: state.cursor + size }, 'next')}`,
      };
  return {
    status: 200,
    headers: { 'preference-applied': 'odata.track-changes' },
    json: { '@odata.context': `${request.root}/$metadata#Collection(mailFolder)`, ...link, value },
  };
}
