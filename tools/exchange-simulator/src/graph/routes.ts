import type { DirectoryUser } from '../directory/tenant.ts';
import type { Reply } from '../http/reply.ts';
import type { Item } from '../mailbox/content.ts';
import { type Folder, ROOT } from '../mailbox/mailbox.ts';
import { listApplications } from './applications.ts';
import {
  addAttachment,
  attachmentOf,
  attachmentValue,
  createUploadSession,
  deleteAttachment,
  getAttachment,
  listAttachments,
} from './attachments.ts';
import { folderOf, type GraphState, itemOf, type MailContext } from './context.ts';
import { createMessage } from './createMessage.ts';
import { deltaFolder, messageDelta } from './delta.ts';
import { findUser, getUser, listUsers, mailboxSettings } from './directory.ts';
import { GraphError, methodNotAllowed, resourceNotFound } from './errors.ts';
import { folderDelta } from './folderDelta.ts';
import { createFolder, deleteFolder, getFolder, listFolders, moveFolder, updateFolder } from './folders.ts';
import { findGroup, groupJson, listGroups, listMembers } from './groups.ts';
import { deleteMessage, getMessage, getMime, listMessages, moveMessage, translateIds } from './messages.ts';
import type { GraphRequest } from './request.ts';
import { updateMessage } from './updateMessage.ts';
import { usersDelta } from './usersDelta.ts';

interface AnyRoute {
  /** Kind for statistics and faults, such as `messages.delta`. */
  readonly kind: string;
  /** One of these application permissions is needed. */
  readonly needs: readonly string[];
}

/** A request about users or groups. */
export interface DirectoryRoute extends AnyRoute {
  readonly area: 'directory';
  readonly run: () => Reply;
}

/** A request about one mailbox. */
export interface MailRoute extends AnyRoute {
  readonly area: 'mail';
  readonly user: DirectoryUser;
  readonly message?: string;
  readonly folder?: string;
  readonly run: (context: MailContext) => Reply | Promise<Reply>;
}

/** What a request is about, before it is carried out. */
export type Route = DirectoryRoute | MailRoute;

const USERS = ['User.Read.All', 'Directory.Read.All'];
const GROUPS = ['GroupMember.Read.All', 'Group.Read.All', 'Directory.Read.All'];
const APPLICATIONS = ['Application.Read.All', 'Application.ReadWrite.All', 'Directory.Read.All'];
const READ_BASIC = ['Mail.Read', 'Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All', 'Mail.ReadBasic.All'];
const READ = READ_BASIC.slice(0, 3);
const WRITE = ['Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All'];
const SETTINGS = ['MailboxSettings.Read', 'MailboxSettings.ReadWrite'];

const last = (segment: string | undefined) => segment?.replace(/^microsoft\.graph\./, '');

/** Finds what a request is about. Throws 400, 404 or 405 as Graph does. */
export function findRoute(request: GraphRequest, state: GraphState): Route {
  const [first, ...rest] = request.segments;
  if (first === 'users') return usersRoute(request, state, rest);
  if (first === 'groups') return groupsRoute(request, rest);
  if (first === 'applications' && rest.length === 0) {
    need(request, 'GET');
    const run = () => listApplications(request, state.clock.now());
    return { kind: 'applications.list', needs: APPLICATIONS, area: 'directory', run };
  }
  if (first === 'me')
    throw new GraphError(400, 'BadRequest', '/me request is only valid with delegated authentication flow.');
  throw resourceNotFound(first ?? '');
}

function need(request: GraphRequest, method: string): void {
  if (request.method !== method) throw methodNotAllowed(request.method);
}

function usersRoute(request: GraphRequest, state: GraphState, rest: readonly string[]): Route {
  const [id, ...below] = rest;
  if (id === undefined) {
    need(request, 'GET');
    return { kind: 'users.list', needs: USERS, area: 'directory', run: () => listUsers(request) };
  }
  if (last(id) === 'delta' && below.length === 0) {
    need(request, 'GET');
    return { kind: 'users.delta', needs: USERS, area: 'directory', run: () => usersDelta(request, state) };
  }
  if (below.length === 0) {
    need(request, 'GET');
    return {
      kind: 'user.get',
      needs: USERS,
      area: 'directory',
      run: () => getUser(request, findUser(request.tenant, id)),
    };
  }
  const user = request.tenant.user(id);
  if (!user) throw new GraphError(404, 'ErrorInvalidUser', `The requested user '${id}' is invalid.`);
  return { area: 'mail', user, ...mailboxRoute(request, below) };
}

function groupsRoute(request: GraphRequest, [id, members, cast, ...more]: readonly string[]): Route {
  need(request, 'GET');
  const directory = { needs: GROUPS, area: 'directory' as const };
  if (id === undefined) return { ...directory, kind: 'groups.list', run: () => listGroups(request) };
  if (members === undefined)
    return {
      ...directory,
      kind: 'group.get',
      run: () => ({ status: 200, json: groupJson(request.tenant, findGroup(request.tenant, id)) }),
    };
  if (members !== 'members' && members !== 'transitiveMembers') throw resourceNotFound(members);
  if (more.length > 0 || (cast !== undefined && cast !== 'microsoft.graph.user'))
    throw resourceNotFound(cast ?? '');
  return {
    ...directory,
    kind: `group.${members}`,
    run: () =>
      listMembers(
        request,
        findGroup(request.tenant, id),
        members === 'transitiveMembers',
        cast !== undefined,
      ),
  };
}

type Part = Omit<MailRoute, 'area' | 'user'>;

function mailboxRoute(request: GraphRequest, below: readonly string[]): Part {
  const [first, second, ...rest] = below;
  switch (first) {
    case 'mailboxSettings':
      need(request, 'GET');
      if (rest.length > 0) throw resourceNotFound(rest[0] ?? '');
      return { kind: 'settings.get', needs: SETTINGS, run: (context) => mailboxSettings(context, second) };
    case 'mailFolders':
      return foldersRoute(request, second, rest);
    case 'messages':
      return messagesRoute(request, undefined, second === undefined ? [] : [second, ...rest]);
    case 'translateExchangeIds':
    case 'microsoft.graph.translateExchangeIds':
      need(request, 'POST');
      return { kind: 'ids.translate', needs: USERS.concat(READ), run: translateIds };
    case 'sendMail':
    case 'microsoft.graph.sendMail':
      return { kind: 'mail.send', needs: ['Mail.Send'], run: () => ({ status: 202 }) };
    default:
      throw resourceNotFound(first ?? '');
  }
}

function foldersRoute(request: GraphRequest, id: string | undefined, rest: readonly string[]): Part {
  const { method } = request;
  if (id === undefined) return folderCollection(request, 'msgfolderroot');
  if (last(id) === 'delta' && rest.length === 0) {
    need(request, 'GET');
    return { kind: 'folders.delta', needs: READ_BASIC, run: folderDelta };
  }
  const [first, second] = rest;
  const onFolder = (
    kind: string,
    needs: readonly string[],
    run: (context: MailContext, folder: Folder) => Reply | Promise<Reply>,
  ): Part => ({
    kind,
    needs,
    folder: id,
    run: (context) => run(context, folderOf(context, id)),
  });
  if (first === undefined) {
    if (method === 'GET') return onFolder('folder.get', READ_BASIC, getFolder);
    if (method === 'PATCH') return onFolder('folder.update', WRITE, updateFolder);
    if (method === 'DELETE') return onFolder('folder.delete', WRITE, deleteFolder);
    throw methodNotAllowed(method);
  }
  if (first === 'childFolders') {
    if (second === undefined) return folderCollection(request, id);
    return foldersRoute(request, second, rest.slice(2));
  }
  if (first === 'messages') return messagesRoute(request, id, rest.slice(1));
  need(request, 'POST');
  if (last(first) === 'move') return onFolder('folder.move', WRITE, moveFolder);
  if (last(first) === 'permanentDelete') return onFolder('folder.delete', WRITE, deleteFolder);
  throw resourceNotFound(first);
}

function folderCollection(request: GraphRequest, parent: string): Part {
  if (request.method === 'GET')
    return {
      kind: 'folders.list',
      needs: READ_BASIC,
      folder: parent,
      run: (context) => listFolders(context, parentOf(context, parent)),
    };
  need(request, 'POST');
  return {
    kind: 'folder.create',
    needs: WRITE,
    folder: parent,
    run: (context) => createFolder(context, parentOf(context, parent)),
  };
}

function parentOf(context: MailContext, parent: string): Folder {
  const folder = parent === 'msgfolderroot' ? context.mailbox.folder(ROOT) : undefined;
  return folder ?? folderOf(context, parent);
}

const isBasic = (context: MailContext) => !READ.some((role) => context.request.roles.has(role));

function messagesRoute(request: GraphRequest, folder: string | undefined, rest: readonly string[]): Part {
  const { method } = request;
  const [id, action, ...more] = rest;
  const place = folder === undefined ? {} : { folder };
  if (id === undefined) {
    if (method === 'GET')
      return {
        ...place,
        kind: 'messages.list',
        needs: READ_BASIC,
        run: (context) =>
          listMessages(
            context,
            folder === undefined ? undefined : folderOf(context, folder),
            isBasic(context),
          ),
      };
    need(request, 'POST');
    return {
      ...place,
      kind: 'message.create',
      needs: WRITE,
      run: (context) => createMessage(context, folderOf(context, folder ?? 'drafts')),
    };
  }
  if (last(id) === 'delta' && action === undefined) {
    need(request, 'GET');
    if (folder === undefined)
      throw new GraphError(
        400,
        'ErrorInvalidRequest',
        'Change tracking is only supported on the messages of a folder.',
      );
    return {
      ...place,
      kind: 'messages.delta',
      needs: READ_BASIC,
      run: (context) =>
        messageDelta(
          context,
          deltaFolder(context, () => folderOf(context, folder)),
          isBasic(context),
        ),
    };
  }
  return { ...place, message: id, ...messageRoute(request, folder, id, action, more) };
}

type OnItem = (context: MailContext, item: Item) => Reply | Promise<Reply>;

function messageRoute(
  request: GraphRequest,
  folder: string | undefined,
  id: string,
  action: string | undefined,
  more: readonly string[],
): Part {
  const { method } = request;
  const find = (context: MailContext) => {
    const item = itemOf(context, id);
    if (folder !== undefined && folderOf(context, folder).number !== item.folder)
      throw new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
    return item;
  };
  const on = (kind: string, needs: readonly string[], run: OnItem): Part => ({
    kind,
    needs,
    run: (context) => run(context, find(context)),
  });
  if (action === undefined) {
    if (method === 'GET')
      return on('message.get', READ_BASIC, (context, item) => getMessage(context, item, isBasic(context)));
    if (method === 'PATCH') return on('message.update', WRITE, updateMessage);
    if (method === 'DELETE')
      return on('message.delete', WRITE, (context, item) => deleteMessage(context, item, false));
    throw methodNotAllowed(method);
  }
  if (action === '$value') {
    need(request, 'GET');
    return on('message.value', READ, getMime);
  }
  if (action === 'attachments') return attachmentsRoute(request, on, more);
  need(request, 'POST');
  if (last(action) === 'move') return on('message.move', WRITE, moveMessage);
  if (last(action) === 'permanentDelete')
    return on('message.permanentDelete', WRITE, (context, item) => deleteMessage(context, item, true));
  if (last(action) === 'send') return on('mail.send', ['Mail.Send'], () => ({ status: 202 }));
  throw resourceNotFound(action);
}

function attachmentsRoute(
  request: GraphRequest,
  on: (kind: string, needs: readonly string[], run: OnItem) => Part,
  [id, action]: readonly string[],
): Part {
  const { method } = request;
  if (id === undefined) {
    if (method === 'GET') return on('attachments.list', READ, listAttachments);
    need(request, 'POST');
    return on('attachment.create', WRITE, addAttachment);
  }
  if (last(id) === 'createUploadSession') {
    need(request, 'POST');
    return on('upload.session', WRITE, createUploadSession);
  }
  if (action === undefined && method === 'DELETE')
    return on('attachment.delete', WRITE, async (context, item) =>
      deleteAttachment(context, item, await attachmentOf(context, item, id)),
    );
  need(request, 'GET');
  if (action === undefined)
    return on('attachment.get', READ, async (context, item) =>
      getAttachment(context, item, await attachmentOf(context, item, id)),
    );
  if (action === '$value')
    return on('attachment.value', READ, async (context, item) =>
      attachmentValue(context, item, await attachmentOf(context, item, id)),
    );
  throw resourceNotFound(action);
}
