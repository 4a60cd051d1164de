import { badRequest } from './errors.ts';

/** How a value of a property must look. */
export type PropertyType =
  | 'string'
  | 'boolean'
  | 'integer'
  | 'time'
  | 'binary'
  | 'strings'
  | 'recipient'
  | 'recipients'
  | 'body'
  | 'flag'
  | 'headers'
  | 'extended'
  | 'attachments'
  | 'object'
  | readonly string[];

type Properties = Readonly<Record<string, PropertyType>>;

/** Properties of microsoft.graph.message (Graph v1.0 metadata); arrays are the members of an enumeration. */
export const MESSAGE: Properties = {
  id: 'string',
  categories: 'strings',
  changeKey: 'string',
  createdDateTime: 'time',
  lastModifiedDateTime: 'time',
  bccRecipients: 'recipients',
  body: 'body',
  bodyPreview: 'string',
  ccRecipients: 'recipients',
  conversationId: 'string',
  conversationIndex: 'binary',
  flag: 'flag',
  from: 'recipient',
  hasAttachments: 'boolean',
  importance: ['low', 'normal', 'high'],
  inferenceClassification: ['focused', 'other'],
  internetMessageHeaders: 'headers',
  internetMessageId: 'string',
  isDeliveryReceiptRequested: 'boolean',
  isDraft: 'boolean',
  isRead: 'boolean',
  isReadReceiptRequested: 'boolean',
  parentFolderId: 'string',
  receivedDateTime: 'time',
  replyTo: 'recipients',
  sender: 'recipient',
  sentDateTime: 'time',
  subject: 'string',
  toRecipients: 'recipients',
  uniqueBody: 'body',
  webLink: 'string',
  attachments: 'attachments',
  singleValueExtendedProperties: 'extended',
  multiValueExtendedProperties: 'object',
  extensions: 'object',
};

/** Properties that are related entities: they need `$expand`, not `$select`. */
export const MESSAGE_NAVIGATION: readonly string[] = [
  'attachments',
  'singleValueExtendedProperties',
  'multiValueExtendedProperties',
  'extensions',
];

export const FOLDER: Properties = {
  id: 'string',
  displayName: 'string',
  parentFolderId: 'string',
  childFolderCount: 'integer',
  unreadItemCount: 'integer',
  totalItemCount: 'integer',
  isHidden: 'boolean',
  childFolders: 'object',
  messageRules: 'object',
  messages: 'object',
  singleValueExtendedProperties: 'extended',
  multiValueExtendedProperties: 'object',
};

export const ATTACHMENT: Properties = {
  id: 'string',
  name: 'string',
  contentType: 'string',
  size: 'integer',
  isInline: 'boolean',
  lastModifiedDateTime: 'time',
};
export const FILE_ATTACHMENT: Properties = {
  ...ATTACHMENT,
  contentBytes: 'binary',
  contentId: 'string',
  contentLocation: 'string',
};
export const ITEM_ATTACHMENT: Properties = { ...ATTACHMENT, item: 'object' };

/** Properties of a user that the simulator fills; others of the metadata are answered as null. */
export const USER: Properties = {
  id: 'string',
  businessPhones: 'strings',
  displayName: 'string',
  givenName: 'string',
  jobTitle: 'string',
  mail: 'string',
  mobilePhone: 'string',
  officeLocation: 'string',
  preferredLanguage: 'string',
  surname: 'string',
  userPrincipalName: 'string',
  accountEnabled: 'boolean',
  userType: 'string',
  assignedPlans: 'object',
  assignedLicenses: 'object',
  proxyAddresses: 'strings',
  onPremisesSyncEnabled: 'boolean',
  createdDateTime: 'time',
  department: 'string',
  mailNickname: 'string',
  companyName: 'string',
  deletedDateTime: 'time',
  usageLocation: 'string',
  employeeId: 'string',
  otherMails: 'strings',
  city: 'string',
  country: 'string',
  onPremisesImmutableId: 'string',
  onPremisesDistinguishedName: 'string',
  externalUserState: 'string',
  showInAddressList: 'boolean',
  mailboxSettings: 'object',
};
export const APPLICATION: Properties = {
  id: 'string',
  appId: 'string',
  displayName: 'string',
  createdDateTime: 'time',
  passwordCredentials: 'object',
  keyCredentials: 'object',
  signInAudience: 'string',
  publisherDomain: 'string',
};
export const GROUP: Properties = {
  id: 'string',
  displayName: 'string',
  mail: 'string',
  groupTypes: 'strings',
  description: 'string',
  mailEnabled: 'boolean',
  mailNickname: 'string',
  securityEnabled: 'boolean',
  createdDateTime: 'time',
  visibility: 'string',
  deletedDateTime: 'time',
};

/** Selections that were found good; clients send the same few again and again. */
const knownSelects = new WeakMap<Properties, Map<string, readonly string[] | undefined>>();
const mostKnown = 100;

/** The names in a `$select`, or undefined without one. Throws 400 for a name that the type does not have. */
export function readSelect(
  text: string | undefined,
  properties: Properties,
  type: string,
): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const known = knownSelects.get(properties) ?? new Map<string, readonly string[] | undefined>();
  if (known.has(text)) return known.get(text);
  const names = checkedSelect(text, properties, type);
  if (known.size >= mostKnown) known.clear();
  known.set(text, names);
  knownSelects.set(properties, known);
  return names;
}

function checkedSelect(text: string, properties: Properties, type: string): readonly string[] | undefined {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '' && name !== '*');
  if (names.length === 0) return undefined;
  for (const name of names) {
    const known = Object.hasOwn(properties, name.includes('/') ? (name.split('/').at(-1) ?? '') : name);
    if (!known)
      throw badRequest(
        `Could not find a property named '${name}' on type 'microsoft.graph.${type}'.`,
        'RequestBroker--ParseUri',
      );
  }
  return names.map((name) => name.split('/').at(-1) ?? name);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const TIME = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;

function onlyKeys(value: unknown, keys: readonly string[], type: string): value is Record<string, unknown> {
  if (!isRecord(value)) return false;
  for (const key of Object.keys(value)) {
    if (!keys.includes(key) && !key.startsWith('@odata.')) throw unknownProperty(key, type);
  }
  return true;
}

const isText = (value: unknown) => typeof value === 'string' || value === null || value === undefined;
const listOf = (value: unknown, test: (element: unknown) => boolean) =>
  Array.isArray(value) && value.every(test);

function isRecipient(value: unknown): boolean {
  if (!onlyKeys(value, ['emailAddress'], 'recipient')) return false;
  const inner = value.emailAddress;
  return (
    inner === null ||
    (onlyKeys(inner, ['name', 'address'], 'emailAddress') && isText(inner.name) && isText(inner.address))
  );
}

function isFlag(value: unknown): boolean {
  if (!onlyKeys(value, ['flagStatus', 'startDateTime', 'dueDateTime', 'completedDateTime'], 'followupFlag'))
    return false;
  if (
    value.flagStatus !== undefined &&
    !['notFlagged', 'complete', 'flagged'].includes(String(value.flagStatus))
  )
    return false;
  return ['startDateTime', 'dueDateTime', 'completedDateTime'].every((name) => {
    const time = value[name];
    return (
      time === undefined ||
      time === null ||
      (onlyKeys(time, ['dateTime', 'timeZone'], 'dateTimeTimeZone') &&
        typeof time.dateTime === 'string' &&
        isText(time.timeZone))
    );
  });
}

function fits(value: unknown, type: PropertyType): boolean {
  if (typeof type === 'object') return typeof value === 'string' && type.includes(value);
  switch (type) {
    case 'string':
      return isText(value);
    case 'boolean':
      return typeof value === 'boolean' || value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'time':
      return value === null || (typeof value === 'string' && TIME.test(value));
    case 'binary':
      return value === null || (typeof value === 'string' && /^[A-Za-z0-9+/_-]*={0,2}$/.test(value));
    case 'strings':
      return listOf(value, (element) => typeof element === 'string');
    case 'recipient':
      return value === null || isRecipient(value);
    case 'recipients':
      return listOf(value, isRecipient);
    case 'body':
      return (
        value === null ||
        (onlyKeys(value, ['contentType', 'content'], 'itemBody') &&
          isText(value.content) &&
          (value.contentType === undefined ||
            ['text', 'html'].includes(String(value.contentType).toLowerCase())))
      );
    case 'flag':
      return isFlag(value);
    case 'headers':
      return listOf(
        value,
        (element) =>
          onlyKeys(element, ['name', 'value'], 'internetMessageHeader') &&
          typeof element.name === 'string' &&
          isText(element.value),
      );
    case 'extended':
      return listOf(
        value,
        (element) =>
          onlyKeys(element, ['id', 'value'], 'singleValueLegacyExtendedProperty') &&
          typeof element.id === 'string' &&
          typeof element.value === 'string',
      );
    case 'attachments':
      return listOf(value, isRecord);
    case 'object':
      return true;
  }
}

const unknownProperty = (name: string, type: string) =>
  badRequest(
    `The property '${name}' does not exist on type 'microsoft.graph.${type}'. Make sure to only use property names that are defined by the type.`,
    'RequestBodyRead',
  );

/** Checks a request body against a type. Throws 400 for unknown names and values of another type. */
export function checkBody(
  body: Readonly<Record<string, unknown>>,
  properties: Properties,
  type: string,
): void {
  for (const [name, value] of Object.entries(body)) {
    if (name.startsWith('@odata.')) continue;
    const expected = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (expected === undefined) throw unknownProperty(name, type);
    if (!fits(value, expected)) {
      throw badRequest(
        `Cannot convert the value of property '${name}' to the expected type of 'microsoft.graph.${type}'.`,
        'RequestBodyRead',
      );
    }
  }
}
