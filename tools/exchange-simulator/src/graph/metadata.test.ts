import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSession, type Session } from '../testing/session.ts';

/** Types of the Graph v1.0 metadata: property name → type, own and inherited. */
type Types = ReadonlyMap<string, ReadonlyMap<string, string>>;

function readTypes(text: string): Types {
  const own = new Map<string, { base: string | undefined; properties: Map<string, string> }>();
  for (const [, , attributes = '', content = ''] of text.matchAll(
    /<(EntityType|ComplexType) ([^>]*?)(?:\/>|>([\s\S]*?)<\/\1>)/g,
  )) {
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(attributes)?.[1];
    const properties = new Map<string, string>();
    for (const [, tag = ''] of content.matchAll(/<(?:Navigation)?Property ([^>]*)>/g)) {
      const name = /\bName="([^"]*)"/.exec(tag)?.[1];
      if (name) properties.set(name, /\bType="([^"]*)"/.exec(tag)?.[1] ?? '');
    }
    own.set(attribute('Name') ?? '', { base: attribute('BaseType')?.replace(/^graph\./, ''), properties });
  }
  const collect = (name: string): Map<string, string> => {
    const type = own.get(name);
    return new Map([...(type?.base ? collect(type.base) : []), ...(type?.properties ?? [])]);
  };
  return new Map([...own.keys()].map((name) => [name, collect(name)]));
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with a value of a type: unknown properties and values of another kind. */
function problems(types: Types, type: string, value: unknown, path: string): string[] {
  const element = /^Collection\((.*)\)$/.exec(type)?.[1];
  if (element)
    return Array.isArray(value)
      ? value.flatMap((one, at) => problems(types, element, one, `${path}[${at}]`))
      : [`${path} is no list`];
  if (value === null) return [];
  const name = type.replace(/^graph\./, '');
  const properties = types.get(
    isObject(value) && typeof value['@odata.type'] === 'string'
      ? value['@odata.type'].replace('#microsoft.graph.', '')
      : name,
  );
  if (properties && isObject(value)) {
    return Object.entries(value).flatMap(([key, one]) => {
      if (key.includes('@') || key.startsWith('@odata')) return [];
      const declared = properties.get(key);
      return declared === undefined
        ? [`${path}.${key} is not a property of ${name}`]
        : problems(types, declared, one, `${path}.${key}`);
    });
  }
  const kinds: Record<string, string> = {
    'Edm.String': 'string',
    'Edm.Boolean': 'boolean',
    'Edm.Int32': 'number',
    'Edm.DateTimeOffset': 'string',
    'Edm.Binary': 'string',
    'Edm.Guid': 'string',
  };
  const kind = kinds[type];
  if (kind !== undefined && typeof value !== kind) return [`${path} is ${typeof value}, not ${kind}`];
  if (type === 'Edm.DateTimeOffset' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(String(value)))
    return [`${path} is no time: ${String(value)}`];
  return [];
}

const file = join(
  process.env.HOLDFAST_SHARED ?? resolve(import.meta.dirname, '../../../../../shared'),
  'graph-metadata/v1.0-mail.csdl.xml',
);
const types = existsSync(file) ? readTypes(readFileSync(file, 'utf8')) : undefined;
let session: Session;

beforeAll(async () => {
  session = await openSession({ mailboxes: 2, messages: 200, profile: 'standard' });
});
afterAll(() => session.close());

describe("answers hold only what Microsoft's metadata declares", () => {
  test.each([
    ['a user', 'user', '/users/U', false],
    [
      'a list of users',
      'user',
      '/users?$select=id,displayName,mail,userPrincipalName,accountEnabled,userType,assignedPlans,proxyAddresses,onPremisesSyncEnabled',
      true,
    ],
    ['mailbox settings', 'mailboxSettings', '/users/U/mailboxSettings', false],
    ['a list of groups', 'group', '/groups', true],
    ['folders', 'mailFolder', '/users/U/mailFolders?includeHiddenFolders=true', true],
    ['folder delta', 'mailFolder', '/users/U/mailFolders/delta', true],
    [
      'messages with everything',
      'message',
      "/users/U/mailFolders/inbox/messages?$top=100&$expand=attachments,singleValueExtendedProperties($filter=id eq 'Integer 0x0E07')",
      true,
    ],
    [
      'selected messages',
      'message',
      '/users/U/messages?$select=internetMessageHeaders,uniqueBody,body&$top=20',
      true,
    ],
    ['message delta', 'message', '/users/U/mailFolders/inbox/messages/delta', true],
    ['a created message', 'message', 'POST', false],
    ['translated ids', 'convertIdResult', 'TRANSLATE', true],
  ])('%s', async (_, type, path, isList) => {
    if (!types) {
      console.warn(`skipped: there is no metadata at ${file}`);
      return;
    }
    const user = session.users[0]!;
    await session.control.addGroup({ displayName: `Group ${path}`, members: [user] });
    const answer =
      path === 'POST'
        ? await session.post(`/users/${user}/mailFolders/inbox/messages`, {
            subject: 'x',
            flag: { flagStatus: 'flagged' },
          })
        : path === 'TRANSLATE'
          ? await session.post(`/users/${user}/translateExchangeIds`, {
              inputIds: ['nonsense', (await session.get(`/users/${user}/messages?$top=1`)).json.value[0].id],
              sourceIdType: 'restId',
              targetIdType: 'restImmutableEntryId',
            })
          : await session.get(path.replace('U', user));
    expect(answer.status).toBeLessThan(300);
    const elements = isList ? answer.json.value : [answer.json];
    expect(elements.length).toBeGreaterThan(0);
    expect(elements.flatMap((one: unknown) => problems(types, type, one, type))).toEqual([]);
  });

  test('and a reader of the metadata that finds what is wrong', () => {
    if (!types) return;
    expect(
      problems(
        types,
        'message',
        { subject: 7, colour: 'red', flag: { flagStatus: 'flagged', when: 1 } },
        'm',
      ),
    ).toEqual([
      'm.subject is number, not string',
      'm.colour is not a property of message',
      'm.flag.when is not a property of followupFlag',
    ]);
  });
});
