import type { Reply } from '../http/reply.ts';
import { type Folder, isMailFolder, isRecoverable, RECOVERABLE_DELETIONS, ROOT } from '../mailbox/mailbox.ts';
import { folderOf, type MailContext, userPath } from './context.ts';
import { accessDenied, badRequest, GraphError } from './errors.ts';
import { readFolderExpand } from './expand.ts';
import { readExtended } from './extendedProperties.ts';
import { filterPaths, parseFilter, passes } from './filter.ts';
import { readPage, requestPath, skipLink } from './paging.ts';
import { allowQuery, jsonBody } from './request.ts';
import { checkBody, FOLDER, readSelect } from './schema.ts';

type Json = Record<string, unknown>;
/** MS-OXCMSG PidTagContainerClass, in the one spelling. */
const CONTAINER_CLASS = 'String 0x3613';
const DEFAULT = [
  'displayName',
  'parentFolderId',
  'childFolderCount',
  'unreadItemCount',
  'totalItemCount',
  'isHidden',
];

/** A folder as JSON; of the extended properties that are asked for it has its class. */
export function folderJson(
  context: MailContext,
  folder: Folder,
  select?: readonly string[],
  extended: readonly string[] = [],
): Json {
  const { mailbox } = context;
  const all: Json = {
    displayName: folder.displayName,
    parentFolderId: mailbox.ids.folder(folder.parent ?? 999),
    childFolderCount: mailbox.childFolders(folder.number).filter(isMailFolder).length,
    unreadItemCount: folder.isSearchFolder ? 0 : mailbox.unreadCount(folder.number),
    totalItemCount: folder.isSearchFolder ? 0 : mailbox.totalCount(folder.number),
    isHidden: folder.isHidden,
  };
  const json: Json = { id: mailbox.ids.folder(folder.number) };
  if (folder.isSearchFolder) {
    json['@odata.type'] = '#microsoft.graph.mailSearchFolder';
    if (!select)
      Object.assign(all, {
        isSupported: true,
        includeNestedFolders: true,
        sourceFolderIds: [mailbox.ids.folder(ROOT)],
        filterQuery: 'isRead eq false',
      });
  }
  for (const name of select ?? Object.keys(all)) if (name in all) json[name] = all[name];
  if (extended.includes(CONTAINER_CLASS))
    json.singleValueExtendedProperties = [{ id: CONTAINER_CLASS, value: folder.folderClass }];
  return json;
}

/** `GET /mailFolders` and `/childFolders`: the children of one folder. */
export function listFolders(context: MailContext, parent: Folder): Reply {
  const { request, mailbox } = context;
  allowQuery(request, '$select', '$top', '$skip', '$filter', '$count', '$expand', 'includehiddenfolders');
  const select = readSelect(request.query.get('$select'), FOLDER, 'mailFolder');
  const extended = readFolderExpand(request.query.get('$expand'));
  const hidden = request.query.get('includehiddenfolders') === 'true';
  const filterText = request.query.get('$filter');
  const filter = filterText === undefined ? undefined : parseFilter(filterText);
  if (filter)
    for (const path of filterPaths(filter))
      if (!DEFAULT.includes(path))
        throw badRequest(
          `Could not find a property named '${path}' on type 'microsoft.graph.mailFolder'.`,
          'RequestBroker--ParseUri',
        );
  const folders = mailbox
    .childFolders(parent.number)
    .filter((folder) => isMailFolder(folder) && (hidden || !folder.isHidden))
    .filter((folder) => !filter || passes(filter, folderJson(context, folder)));
  const { skip, take } = readPage(request, context.state.limits.maxPageSize);
  const page = folders.slice(skip, skip + take);
  return {
    status: 200,
    json: {
      '@odata.context': `${request.root}/$metadata#users('${context.user.id}')/mailFolders`,
      ...(request.query.get('$count') === 'true' ? { '@odata.count': folders.length } : {}),
      ...(skip + take < folders.length
        ? { '@odata.nextLink': skipLink(request, requestPath(request), skip + take) }
        : {}),
      value: page.map((folder) => folderJson(context, folder, select, extended)),
    },
  };
}

export function getFolder(context: MailContext, folder: Folder): Reply {
  const { query } = context.request;
  allowQuery(context.request, '$select', '$expand', 'includehiddenfolders');
  const select = readSelect(query.get('$select'), FOLDER, 'mailFolder');
  const extended = readFolderExpand(query.get('$expand'));
  return { status: 200, json: withContext(context, folderJson(context, folder, select, extended)) };
}

const withContext = (context: MailContext, json: Json): Json => ({
  '@odata.context': `${context.request.root}/$metadata#users('${context.user.id}')/mailFolders/$entity`,
  ...json,
});

const folderExists = () =>
  new GraphError(409, 'ErrorFolderExists', 'A folder with the specified name already exists.');

function checkName(context: MailContext, name: unknown, parent: number, except?: number): string {
  if (typeof name !== 'string' || name.trim() === '' || name.length > 255)
    throw badRequest('The folder name is missing, empty or too long.', 'ErrorInvalidFolderName');
  const taken = context.mailbox
    .childFolders(parent)
    .some((one) => one.number !== except && one.displayName.toLowerCase() === name.toLowerCase());
  if (taken) throw folderExists();
  return name;
}

export function createFolder(context: MailContext, parent: Folder): Reply {
  allowQuery(context.request);
  if (isRecoverable(parent)) throw accessDenied();
  const body = jsonBody(context.request);
  checkBody(body, FOLDER, 'mailFolder');
  for (const key of Object.keys(body)) {
    if (!['displayName', 'isHidden', 'singleValueExtendedProperties'].includes(key) && !key.startsWith('@'))
      throw badRequest(`The property '${key}' cannot be set on creation.`, 'ErrorInvalidProperty');
  }
  const folder = context.mailbox.createFolder(
    checkName(context, body.displayName, parent.number),
    parent.number,
    body.isHidden === true,
    false,
    readExtended(body.singleValueExtendedProperties).get(CONTAINER_CLASS),
  );
  const json = withContext(context, folderJson(context, folder));
  return { status: 201, headers: { location: `${userPath(context)}/mailFolders/${String(json.id)}` }, json };
}

function refuseWellKnown(folder: Folder): void {
  if (folder.wellKnownName !== null)
    throw new GraphError(403, 'ErrorDeleteDistinguishedFolder', 'Distinguished folders cannot be changed.');
}

export function updateFolder(context: MailContext, folder: Folder): Reply {
  allowQuery(context.request);
  const body = jsonBody(context.request);
  checkBody(body, FOLDER, 'mailFolder');
  for (const key of Object.keys(body))
    if (key !== 'displayName' && !key.startsWith('@'))
      throw badRequest(`The property '${key}' cannot be updated.`, 'ErrorInvalidProperty');
  if (body.displayName !== undefined) {
    refuseWellKnown(folder);
    context.mailbox.changeFolder(folder.number, {
      displayName: checkName(context, body.displayName, folder.parent ?? ROOT, folder.number),
    });
  }
  return { status: 200, json: withContext(context, folderJson(context, folder)) };
}

export function moveFolder(context: MailContext, folder: Folder): Reply {
  refuseWellKnown(folder);
  const destination = folderOf(context, destinationId(context));
  for (
    let at: Folder | undefined = destination;
    at;
    at = at.parent === null ? undefined : context.mailbox.folder(at.parent)
  ) {
    if (at.number === folder.number)
      throw badRequest('A folder cannot be moved into itself.', 'ErrorMoveCopyFailed');
  }
  checkName(context, folder.displayName, destination.number, folder.number);
  context.mailbox.changeFolder(folder.number, { parent: destination.number });
  return { status: 201, json: withContext(context, folderJson(context, folder)) };
}

/** The `destinationId` of a move. Throws 400 without one. */
export function destinationId(context: MailContext): string {
  const body = jsonBody(context.request);
  for (const key of Object.keys(body))
    if (!/^(destinationId|DestinationId)$/.test(key))
      throw badRequest(
        `The parameter '${key}' in the request payload is not a valid parameter for the operation.`,
      );
  const id = body.destinationId ?? body.DestinationId;
  if (typeof id !== 'string' || id === '')
    throw badRequest('The parameter destinationId is required.', 'ErrorInvalidParameter');
  return id;
}

/** Deletes a folder and what is in it. Its messages go with it; the simulator keeps no recoverable copy of them. */
export function deleteFolder(context: MailContext, folder: Folder): Reply {
  refuseWellKnown(folder);
  if (folder.number === RECOVERABLE_DELETIONS) throw badRequest('This folder cannot be deleted.');
  context.mailbox.deleteFolder(folder.number);
  return { status: 204 };
}
