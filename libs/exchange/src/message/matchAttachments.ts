import type { MimePart } from '@holdfast/mime';

/** An attachment as Graph lists it. */
export interface ListedAttachment {
  id: string;
  kind: 'file' | 'item' | 'reference';
  name: string;
  contentType: string;
  /** Bytes, as Graph says; it counts some overhead. */
  size: number;
  isInline: boolean;
  contentId?: string;
  lastModifiedDateTime?: string;
}

/** Parts that a mail program would show as attachments, in order; those of nested messages are not ours. */
export function attachmentParts(root: MimePart): MimePart[] {
  const parts: MimePart[] = [];
  const visit = (part: MimePart): void => {
    if (part.contentType === 'message/rfc822') parts.push(part);
    else if (part.children.length > 0) for (const child of part.children) visit(child);
    else if (!isBody(part)) parts.push(part);
  };
  visit(root);
  return parts;
}

const isBody = (part: MimePart): boolean =>
  part.disposition !== 'attachment' &&
  part.fileName === undefined &&
  (part.contentType === 'text/plain' || part.contentType === 'text/html');

/** Bytes of the decoded part, near enough to tell parts apart. */
function decodedSize(part: MimePart): number {
  const bytes = part.body.end - part.body.start;
  // Lines of 76 characters and their ends: 78 bytes for 57.
  return part.transferEncoding === 'base64' ? Math.floor((bytes * 57) / 78) : bytes;
}

const nameOf = (text: string | undefined): string => (text ?? '').normalize('NFC').trim();
const typeOf = (text: string): string => text.split(';')[0]?.trim().toLowerCase() ?? '';

/** Within a tenth and 2 KB: enough to tell two files of one name apart, wide enough for counted overhead. */
const sizeFits = (attachment: ListedAttachment, part: MimePart): boolean => {
  const actual = decodedSize(part);
  return Math.abs(attachment.size - actual) <= 2048 + actual / 10;
};

type Key = (subject: { name: string; type: string; contentId: string }) => string | undefined;

/** From the surest sign to the weakest; a later one sees only what the earlier ones left. */
const keys: readonly Key[] = [
  ({ contentId }) => (contentId === '' ? undefined : contentId),
  ({ name, type }) => (name === '' ? undefined : `${name}\0${type}`),
  ({ name }) => (name === '' ? undefined : name),
  ({ type }) => (type === '' ? undefined : type),
];

function grouped<T>(values: readonly T[], keyOf: (value: T) => string | undefined): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const value of values) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return groups;
}

/**
 * Pairs files with MIME parts. A group of equal signs is paired in order, and only when both sides have as many
 * and the sizes agree; the weak signs (name or type alone) only one to one. What stays unpaired is fetched by
 * itself: a wrong pair would restore the wrong bytes.
 */
function matchFiles(files: readonly ListedAttachment[], parts: readonly MimePart[]): Map<string, MimePart> {
  const pairs = new Map<string, MimePart>();
  let leftFiles = [...files];
  let leftParts = [...parts];
  keys.forEach((key, rank) => {
    const fileGroups = grouped(leftFiles, (f) =>
      key({ name: nameOf(f.name), type: typeOf(f.contentType), contentId: f.contentId ?? '' }),
    );
    const partGroups = grouped(leftParts, (p) =>
      key({ name: nameOf(p.fileName), type: p.contentType, contentId: p.contentId ?? '' }),
    );
    for (const [sign, group] of fileGroups) {
      const candidates = partGroups.get(sign) ?? [];
      if (candidates.length !== group.length || (rank >= 2 && group.length > 1)) continue;
      const fits = group.every((file, at) => {
        const part = candidates[at];
        return part !== undefined && (group.length === 1 && rank < 2 ? true : sizeFits(file, part));
      });
      if (!fits) continue;
      group.forEach((file, at) => {
        const part = candidates[at];
        if (part !== undefined) pairs.set(file.id, part);
      });
    }
    const taken = new Set(pairs.values());
    leftFiles = leftFiles.filter((file) => !pairs.has(file.id));
    leftParts = leftParts.filter((part) => !taken.has(part));
  });
  return pairs;
}

/**
 * Only base64 carries bytes as they are. Of text in any other encoding a server may change line ends and characters
 * between its MIME and its attachment, and then what is restored would not be what was there.
 */
const isByteExact = (part: MimePart): boolean =>
  part.transferEncoding === 'base64' && part.children.length === 0;

/** MIME part by attachment id, for the attachments whose part is beyond doubt. */
export function matchAttachments(
  attachments: readonly ListedAttachment[],
  root: MimePart,
): Map<string, MimePart> {
  const parts = attachmentParts(root);
  const messages = parts.filter((part) => part.contentType === 'message/rfc822');
  const items = attachments.filter((attachment) => attachment.kind === 'item');
  const files = attachments.filter((attachment) => attachment.kind === 'file');
  const pairs = matchFiles(files, parts);
  for (const [id, part] of pairs) if (!isByteExact(part)) pairs.delete(id);
  const [item] = items;
  const [message] = messages;
  if (item !== undefined && message !== undefined && items.length === 1 && messages.length === 1) {
    if (![...pairs.values()].includes(message)) pairs.set(item.id, message);
  }
  return pairs;
}
