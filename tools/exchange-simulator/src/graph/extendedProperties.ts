import type { ContentProperties, Item } from '../mailbox/content.ts';
import { graphTime } from '../timeText.ts';
import { badRequest } from './errors.ts';

const TYPES = [
  'String',
  'Integer',
  'Boolean',
  'SystemTime',
  'Binary',
  'Double',
  'Long',
  'Short',
  'Float',
  'CLSID',
  'Currency',
  'ApplicationTime',
];

/**
 * One spelling for the id of an extended property, in the grammar `Type 0xTAG`, `Type {guid} Id 0xLID` or
 * `Type {guid} Name text`. Throws 400 for anything else.
 */
export function canonicalPropertyId(id: string): string {
  const [, type = '', rest = ''] = /^(\w+) (.+)$/.exec(id.trim()) ?? [];
  const kind = TYPES.find((name) => name.toLowerCase() === type.toLowerCase());
  const tag = /^0x([0-9a-f]{1,8})$/i.exec(rest);
  const named = /^\{([0-9a-f-]{36})\} (Id|Name) (.+)$/i.exec(rest);
  if (kind && tag) return `${kind} 0x${Number.parseInt(tag[1] ?? '0', 16).toString(16)}`;
  if (kind && named) {
    const guid = (named[1] ?? '').toLowerCase();
    const byId = (named[2] ?? '').toLowerCase() === 'id';
    return `${kind} {${guid}} ${byId ? `Id ${(named[3] ?? '').toLowerCase()}` : `Name ${named[3] ?? ''}`}`;
  }
  throw badRequest(
    `PropertyId values may only be in one of the following formats: 'MapiPropertyType namespaceGuid Name propertyName', 'MapiPropertyType namespaceGuid Id propertyId' or 'MapiPropertyType propertyTag'. Value: ${id}`,
    'ErrorInvalidProperty',
  );
}

/** Extended properties of a body, by canonical id. Throws 400 for a bad id or value. */
export function readExtended(value: unknown): Map<string, string> {
  const extended = new Map<string, string>();
  if (!Array.isArray(value)) return extended;
  for (const one of value as { id: string; value: string }[]) {
    const id = canonicalPropertyId(one.id);
    if (id.startsWith('Integer ') && !/^-?\d+$/.test(one.value))
      throw badRequest(`The value '${one.value}' is not an integer.`, 'ErrorInvalidExtendedPropertyValue');
    extended.set(id, one.value);
  }
  return extended;
}

export const MESSAGE_FLAGS = 'Integer 0xe07';
export const DELIVERY_TIME = 'SystemTime 0xe06';
export const SUBMIT_TIME = 'SystemTime 0x39';

/** Message flags (MS-OXCMSG): 1 read, 4 submitted, 8 unsent, 0x10 has attachments. */
function messageFlags(item: Item, content: ContentProperties): number {
  const set = Number(item.state.extended.get(MESSAGE_FLAGS) ?? '4') & 0x4;
  return (
    set |
    (item.state.isRead ? 1 : 0) |
    (item.state.isDraft ? 8 : 0) |
    (content.attachments.length > 0 ? 0x10 : 0)
  );
}

/** Value of an extended property of a message: set by a client, or one that every message has; else undefined. */
export function extendedValue(
  item: Item,
  content: ContentProperties,
  id: string,
  mimeLength: () => number,
): string | undefined {
  switch (id) {
    case MESSAGE_FLAGS:
      return String(messageFlags(item, content));
    case DELIVERY_TIME:
      return graphTime(item.state.receivedAt);
    case SUBMIT_TIME:
      return graphTime(content.sentAt ?? item.state.receivedAt);
    case 'String 0x1a':
      return item.state.extended.get(id) ?? 'IPM.Note';
    case 'String 0x37':
      return content.subject;
    case 'String 0x1035':
      return content.internetMessageId;
    case 'Integer 0xe08':
      return String(mimeLength());
    case 'String 0x7d':
      return content
        .headers()
        .map((line) => `${line.name}: ${line.value}\r\n`)
        .join('');
    default:
      return item.state.extended.get(id);
  }
}
