import type { AttachmentSnapshot, MessageSnapshot } from '@holdfast/exchange-simulator';

/** A message that came back otherwise than it was lost. */
export interface MessageDifference {
  subject: string;
  folderPath: string;
  property: string;
  expected: string;
  actual: string;
}

const isMessageFile = (one: AttachmentSnapshot): boolean =>
  one.kind === 'file' && one.contentType === 'message/rfc822' && one.name.endsWith('.eml');

/**
 * What of an attachment must be the same. A nested message gets a new MIME form when it is created again, and one with
 * attachments of its own can only be created as an .eml file: then it counts by its name.
 */
function comparableAttachment(one: AttachmentSnapshot): object {
  const { name, isInline, contentType, contentId, sha256 } = one;
  if (one.kind === 'item' || isMessageFile(one))
    return { kind: 'message', name: name.replace(/\.eml$/, ''), isInline };
  return { kind: one.kind, name, isInline, contentType, contentId, sha256 };
}

/** Graph shows an address without a display name with the address as its name. */
function comparablePerson(person: string): string {
  const match = /^(.*) <(.*)>$/s.exec(person);
  return match !== null && (match[1] === '' || match[1] === match[2]) ? `<${match[2]}>` : person;
}

/** Every property that Graph lets a restore set, and that it is no draft. */
function comparable(message: MessageSnapshot): Record<string, unknown> {
  const people = (list: readonly string[]) => list.map(comparablePerson);
  const person = (one: string | null) => (one === null ? null : comparablePerson(one));
  const { subject, folderPath, internetMessageId, bodyType, bodySha256, isDraft, isRead, importance } =
    message;
  const { from, sender, to, cc, bcc, replyTo, receivedDateTime, sentDateTime, flag, categories } = message;
  return {
    subject,
    folderPath,
    internetMessageId,
    bodyType,
    bodySha256,
    isDraft,
    isRead,
    importance,
    from: person(from),
    sender: person(sender),
    to: people(to),
    cc: people(cc),
    bcc: people(bcc),
    replyTo: people(replyTo),
    receivedDateTime,
    sentDateTime,
    flag,
    categories,
    inferenceClassification: message.inferenceClassification,
    isReadReceiptRequested: message.isReadReceiptRequested,
    isDeliveryReceiptRequested: message.isDeliveryReceiptRequested,
    attachments: message.attachments.map(comparableAttachment),
  };
}

const likeness = (a: Record<string, unknown>, b: Record<string, unknown>): number =>
  Object.keys(a).filter((key) => JSON.stringify(a[key]) === JSON.stringify(b[key])).length;

/**
 * Compares what was lost with what came back, each lost message with the most alike of those that came back. A lost
 * message that did not come back, and one too many, are differences too.
 */
export function compareMessages(
  lost: readonly MessageSnapshot[],
  back: readonly MessageSnapshot[],
): MessageDifference[] {
  const left = back.map(comparable);
  const differences: MessageDifference[] = [];
  const report = (message: Record<string, unknown>, property: string, expected: unknown, actual: unknown) => {
    const [subject, folderPath] = [String(message.subject), String(message.folderPath)];
    const show = (value: unknown) => JSON.stringify(value)?.slice(0, 200) ?? 'nothing';
    differences.push({ subject, folderPath, property, expected: show(expected), actual: show(actual) });
  };
  for (const message of lost.map(comparable)) {
    const candidates = left.filter((one) => one.internetMessageId === message.internetMessageId);
    const best = candidates.sort((a, b) => likeness(message, b) - likeness(message, a))[0];
    if (best === undefined) {
      report(message, 'message', 'restored', 'missing');
      continue;
    }
    left.splice(left.indexOf(best), 1);
    for (const key of Object.keys(message)) {
      if (JSON.stringify(message[key]) !== JSON.stringify(best[key]))
        report(message, key, message[key], best[key]);
    }
  }
  for (const extra of left) report(extra, 'message', 'not there', 'there');
  return differences;
}
