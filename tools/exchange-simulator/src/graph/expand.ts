import { badRequest } from './errors.ts';
import { canonicalPropertyId } from './extendedProperties.ts';
import { type Filter, parseFilter } from './filter.ts';

/** What a message request wants to have expanded. */
export interface Expand {
  readonly attachments: boolean;
  /** Only these attachment properties, if given. */
  readonly attachmentSelect: readonly string[] | undefined;
  /** Canonical ids of single-value extended properties. */
  readonly extended: readonly string[];
}

/** Nothing but the message itself. */
export const NO_EXPAND: Expand = { attachments: false, attachmentSelect: undefined, extended: [] };

/** Splits at commas outside of brackets and quotes. */
function splitTop(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quoted = false;
  let part = '';
  for (const character of text) {
    if (character === "'") quoted = !quoted;
    if (!quoted && character === '(') depth++;
    if (!quoted && character === ')') depth--;
    if (character === separator && depth === 0 && !quoted) {
      parts.push(part);
      part = '';
    } else part += character;
  }
  return [...parts, part];
}

function idsOf(filter: Filter): string[] {
  if (filter.op === 'or') return [...idsOf(filter.left), ...idsOf(filter.right)];
  if (filter.op === 'compare' && filter.path === 'id' && filter.by === 'eq')
    return [canonicalPropertyId(String(filter.value))];
  throw badRequest(
    'The filter of an expanded extended property must be on its id.',
    'ErrorInvalidUrlQueryFilter',
  );
}

/** Reads `$expand` of a mail folder: extended properties, by canonical id. Throws 400 for what cannot be expanded. */
export function readFolderExpand(text: string | undefined): readonly string[] {
  const { attachments, extended } = readExpand(text, 'mailFolder');
  if (attachments) throw unknownProperty('attachments', 'mailFolder');
  return extended;
}

const unknownProperty = (name: string, type: string) =>
  badRequest(
    `Could not find a property named '${name}' on type 'microsoft.graph.${type}'.`,
    'RequestBroker--ParseUri',
  );

/** Reads `$expand` of a message. Throws 400 for what cannot be expanded. */
export function readExpand(text: string | undefined, type = 'message'): Expand {
  if (text === undefined) return NO_EXPAND;
  let result = NO_EXPAND;
  for (const part of splitTop(text, ',')) {
    const [, name, inner] = /^\s*(\w+)(?:\((.*)\))?\s*$/s.exec(part) ?? [];
    const options = new Map(
      (inner === undefined ? [] : splitTop(inner, ';')).map((one): [string, string] => {
        const equals = one.indexOf('=');
        return [one.slice(0, equals).trim().toLowerCase(), one.slice(equals + 1)];
      }),
    );
    if (name === 'attachments') {
      const select = options
        .get('$select')
        ?.split(',')
        .map((one) => one.trim().split('/').at(-1) ?? '');
      result = { ...result, attachments: true, attachmentSelect: select };
    } else if (name === 'singleValueExtendedProperties') {
      const filter = options.get('$filter');
      if (filter === undefined)
        throw badRequest(
          'Expand of singleValueExtendedProperties needs a $filter on id.',
          'ErrorInvalidUrlQuery',
        );
      result = { ...result, extended: idsOf(parseFilter(filter)) };
    } else throw unknownProperty(name ?? part, type);
  }
  return result;
}
