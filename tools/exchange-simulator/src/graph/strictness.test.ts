import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSession, type Session } from '../testing/session.ts';

let session: Session;
let user: string;
let other: string;
let message: string;
let foreign: string;

beforeAll(async () => {
  session = await openSession();
  user = session.users[0]!;
  other = session.users[1]!;
  message = (await session.get(`/users/${user}/mailFolders/inbox/messages?$top=1&$select=id`)).json.value[0]
    .id;
  foreign = (await session.get(`/users/${other}/mailFolders/inbox/messages?$top=1&$select=id`)).json.value[0]
    .id;
});
afterAll(() => session.close());

type Case = readonly [
  title: string,
  method: string,
  path: string,
  body: unknown,
  status: number,
  code: string,
];
const create = '/users/U/mailFolders/inbox/messages';
const JSON_BODY = { subject: 'x' };

const CASES: readonly Case[] = [
  ['an unknown segment', 'GET', '/planets', undefined, 400, 'BadRequest'],
  ['/me without a signed-in user', 'GET', '/me/messages', undefined, 400, 'BadRequest'],
  ['$skip on users', 'GET', '/users?$skip=1', undefined, 400, 'Request_UnsupportedQuery'],
  ['more than 999 users a page', 'GET', '/users?$top=1000', undefined, 400, 'ErrorInvalidUrlQuery'],
  [
    'mailboxSettings of many users',
    'GET',
    '/users?$select=id,mailboxSettings',
    undefined,
    501,
    'NotImplemented',
  ],
  [
    'ne without the eventual header',
    'GET',
    "/users?$filter=userType ne 'Guest'",
    undefined,
    400,
    'Request_UnsupportedQuery',
  ],
  ['an unknown user property', 'GET', '/users?$select=shoeSize', undefined, 400, 'RequestBroker--ParseUri'],
  ['an unknown user', 'GET', '/users/nobody@contoso.example', undefined, 404, 'Request_ResourceNotFound'],
  [
    'mail of an unknown user',
    'GET',
    '/users/nobody@contoso.example/mailFolders',
    undefined,
    404,
    'ErrorInvalidUser',
  ],
  [
    'an unknown system option',
    'GET',
    '/users/U/mailFolders?$format=xml',
    undefined,
    400,
    'ErrorInvalidUrlQueryFilter',
  ],
  ['an unknown option', 'GET', '/users/U/mailFolders?colour=red', undefined, 400, 'BadRequest'],
  [
    'an option that is given twice',
    'GET',
    '/users/U/mailFolders?$top=1&$top=2',
    undefined,
    400,
    'BadRequest',
  ],
  [
    'a page size that is no number',
    'GET',
    '/users/U/mailFolders?$top=many',
    undefined,
    400,
    'ErrorInvalidUrlQuery',
  ],
  [
    'more messages a page than the cap',
    'GET',
    '/users/U/mailFolders/inbox/messages?$top=1001',
    undefined,
    400,
    'ErrorInvalidUrlQuery',
  ],
  [
    'an unknown message property',
    'GET',
    '/users/U/messages?$select=colour',
    undefined,
    400,
    'RequestBroker--ParseUri',
  ],
  [
    'a filter with a syntax error',
    'GET',
    '/users/U/messages?$filter=isRead eq',
    undefined,
    400,
    'BadRequest',
  ],
  [
    'a filter on an unknown property',
    'GET',
    '/users/U/messages?$filter=colour eq 1',
    undefined,
    400,
    'RequestBroker--ParseUri',
  ],
  [
    'an order that the filter does not name',
    'GET',
    '/users/U/mailFolders/inbox/messages?$filter=isRead eq true&$orderby=receivedDateTime',
    undefined,
    400,
    'InefficientFilter',
  ],
  [
    'an expand without filter on ids',
    'GET',
    '/users/U/messages?$expand=singleValueExtendedProperties',
    undefined,
    400,
    'ErrorInvalidUrlQuery',
  ],
  [
    'an extended property id of no known form',
    'GET',
    "/users/U/messages?$expand=singleValueExtendedProperties($filter=id eq 'Number 12')",
    undefined,
    400,
    'ErrorInvalidProperty',
  ],
  ['a malformed message id', 'GET', '/users/U/messages/abc', undefined, 400, 'ErrorInvalidIdMalformed'],
  [
    'an id of another mailbox',
    'GET',
    '/users/U/messages/FOREIGN',
    undefined,
    400,
    'ErrorInvalidMailboxItemId',
  ],
  [
    'a well-known folder that this mailbox does not have',
    'GET',
    '/users/U/mailFolders/clutter',
    undefined,
    404,
    'ErrorItemNotFound',
  ],
  [
    'a folder name that is not well known',
    'GET',
    '/users/U/mailFolders/projects',
    undefined,
    400,
    'ErrorInvalidIdMalformed',
  ],
  ['delta over all messages', 'GET', '/users/U/messages/delta', undefined, 400, 'ErrorInvalidRequest'],
  [
    'delta with search',
    'GET',
    '/users/U/mailFolders/inbox/messages/delta?$search=x',
    undefined,
    400,
    'ErrorInvalidUrlQueryFilter',
  ],
  [
    'delta filtered by something else than time',
    'GET',
    '/users/U/mailFolders/inbox/messages/delta?$filter=isRead eq true',
    undefined,
    400,
    'ErrorInvalidUrlQueryFilter',
  ],
  [
    'delta in rising order',
    'GET',
    '/users/U/mailFolders/inbox/messages/delta?$orderby=receivedDateTime asc',
    undefined,
    400,
    'ErrorInvalidUrlQuery',
  ],
  [
    'a forged delta token',
    'GET',
    '/users/U/mailFolders/inbox/messages/delta?$deltatoken=aXk2',
    undefined,
    400,
    'SyncStateInvalid',
  ],
  ['PUT on a message', 'PUT', '/users/U/messages/MESSAGE', JSON_BODY, 405, 'Request_BadRequest'],
  ['a property that messages do not have', 'POST', create, { colour: 'red' }, 400, 'RequestBodyRead'],
  ['a number as subject', 'POST', create, { subject: 7 }, 400, 'RequestBodyRead'],
  ['an unknown importance', 'POST', create, { importance: 'urgent' }, 400, 'RequestBodyRead'],
  [
    'an unknown property within a recipient',
    'POST',
    create,
    { from: { emailAddress: { address: 'a@b.example', age: 3 } } },
    400,
    'RequestBodyRead',
  ],
  [
    'a header that does not begin with x-',
    'POST',
    create,
    { internetMessageHeaders: [{ name: 'Received', value: 'x' }] },
    400,
    'InvalidInternetMessageHeader',
  ],
  [
    'more than five headers',
    'POST',
    create,
    { internetMessageHeaders: Array.from({ length: 6 }, (_, at) => ({ name: `x-${at}`, value: 'x' })) },
    400,
    'InvalidInternetMessageHeaderCollection',
  ],
  [
    'message flags that are no number',
    'POST',
    create,
    { singleValueExtendedProperties: [{ id: 'Integer 0x0E07', value: 'sent' }] },
    400,
    'ErrorInvalidExtendedPropertyValue',
  ],
  [
    'a delivery time that is no time',
    'POST',
    create,
    { singleValueExtendedProperties: [{ id: 'SystemTime 0x0E06', value: 'noon' }] },
    400,
    'ErrorInvalidExtendedPropertyValue',
  ],
  [
    'an attachment without type',
    'POST',
    create,
    { attachments: [{ name: 'a', contentBytes: '' }] },
    400,
    'RequestBodyRead',
  ],
  [
    'an attachment without name',
    'POST',
    create,
    { attachments: [{ '@odata.type': '#microsoft.graph.fileAttachment', contentBytes: '' }] },
    400,
    'ErrorRequiredPropertyMissing',
  ],
  [
    'a reference attachment',
    'POST',
    create,
    { attachments: [{ '@odata.type': '#microsoft.graph.referenceAttachment', name: 'a' }] },
    400,
    'RequestBodyRead',
  ],
  [
    'an attached item that is a draft by its properties',
    'POST',
    create,
    {
      attachments: [
        {
          '@odata.type': '#microsoft.graph.itemAttachment',
          name: 'a',
          item: { '@odata.type': '#microsoft.graph.message', isDraft: false },
        },
      ],
    },
    400,
    'ErrorInvalidPropertySet',
  ],
  [
    'MIME that is not base64',
    'POST',
    create,
    'From: a@b.example\r\n\r\nhello',
    400,
    'ErrorMimeContentInvalidBase64String',
  ],
  [
    'MIME that is no message',
    'POST',
    create,
    Buffer.from('no header at all').toString('base64'),
    400,
    'ErrorMimeContentInvalid',
  ],
  [
    'a change of a read-only property',
    'PATCH',
    '/users/U/messages/MESSAGE',
    { changeKey: 'x' },
    400,
    'ErrorInvalidPropertySet',
  ],
  [
    'a due date without start date',
    'PATCH',
    '/users/U/messages/MESSAGE',
    { flag: { flagStatus: 'flagged', dueDateTime: { dateTime: '2026-01-01T00:00:00', timeZone: 'UTC' } } },
    400,
    'ErrorInvalidProperty',
  ],
  ['a move without destination', 'POST', '/users/U/messages/MESSAGE/move', {}, 400, 'ErrorInvalidParameter'],
  [
    'a move with another parameter',
    'POST',
    '/users/U/messages/MESSAGE/move',
    { folder: 'inbox' },
    400,
    'BadRequest',
  ],
  [
    'a folder name that is taken, in another case',
    'POST',
    '/users/U/mailFolders',
    { displayName: 'INBOX' },
    409,
    'ErrorFolderExists',
  ],
  ['a folder without name', 'POST', '/users/U/mailFolders', {}, 400, 'ErrorInvalidFolderName'],
  [
    'a folder with an unknown property',
    'POST',
    '/users/U/mailFolders',
    { displayName: 'x', colour: 'red' },
    400,
    'RequestBodyRead',
  ],
  [
    'deletion of the inbox',
    'DELETE',
    '/users/U/mailFolders/inbox',
    undefined,
    403,
    'ErrorDeleteDistinguishedFolder',
  ],
  [
    'an upload session below 3 MB',
    'POST',
    '/users/U/messages/MESSAGE/attachments/createUploadSession',
    { AttachmentItem: { attachmentType: 'file', name: 'a', size: 100 } },
    400,
    'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize',
  ],
  [
    'an upload session above 150 MB',
    'POST',
    '/users/U/messages/MESSAGE/attachments/createUploadSession',
    { AttachmentItem: { attachmentType: 'file', name: 'a', size: 200_000_000 } },
    413,
    'ErrorAttachmentSizeLimitExceeded',
  ],
  [
    'translation of ids of an unknown type',
    'POST',
    '/users/U/translateExchangeIds',
    { inputIds: [], sourceIdType: 'restId', targetIdType: 'storeId' },
    400,
    'ErrorInvalidParameter',
  ],
  ['a request to beta', 'GET', 'BETA/users', undefined, 400, 'BadRequest'],
];

describe('what Graph refuses', () => {
  test.each(CASES)('%s', async (_, method, path, body, status, code) => {
    const full = path
      .replace('/U/', `/${user}/`)
      .replace('MESSAGE', message)
      .replace('FOREIGN', encodeURIComponent(foreign))
      .replace('BETA', `${session.simulator.httpUrl}/beta`);
    const answer = await session.call(method, full, {
      ...(body === undefined ? {} : { body }),
      headers: { 'client-request-id': 'my-request' },
    });
    expect([answer.status, answer.json.error.code]).toEqual([status, code]);
    expect(answer.json.error.message).toEqual(expect.any(String));
    expect(answer.json.error.innerError['client-request-id']).toBe('my-request');
    expect(answer.headers.get('client-request-id')).toBe('my-request');
    expect(answer.json.error.innerError['request-id']).toBe(answer.headers.get('request-id'));
  });

  test('JSON without its content type', async () => {
    const answer = await session.call('POST', `/users/${user}/mailFolders`, {
      body: { displayName: 'x' },
      headers: { 'content-type': 'text/html' },
    });
    expect([answer.status, answer.json.error.code]).toEqual([400, 'RequestBodyRead']);
  });

  test('a request body over 4 MB', async () => {
    const answer = await session.post(`/users/${user}/mailFolders/inbox/messages`, {
      subject: 'x'.repeat(4 * 1024 * 1024),
    });
    expect(answer.status).toBe(413);
  });

  test('a request without, with a bad and with an expired token', async () => {
    const path = `${session.simulator.httpUrl}/v1.0/users`;
    const without = await fetch(path);
    expect([without.status, ((await without.json()) as { error: { code: string } }).error.code]).toEqual([
      401,
      'InvalidAuthenticationToken',
    ]);
    expect((await session.get('/users', { authorization: 'Bearer a.b.c' })).status).toBe(401);
    expect((await session.get('/users')).status).toBe(200);
  });
});
