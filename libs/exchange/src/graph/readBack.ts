import { createHash } from 'node:crypto';
import type { JsonObject } from '@holdfast/contracts';
import { compareMessages, expectedMessage } from '../message/compareMessages.ts';
import { listedProperties, textOf } from '../message/graphMessage.ts';
import type { ListedAttachment } from '../message/matchAttachments.ts';
import { measured } from '../message/restorableBytes.ts';
import { isPlainNestedMessage } from '../message/restoreJson.ts';
import type { Difference, RestorableAttachment, RestorableItem } from '../ports.ts';
import { fileOf } from './attachmentPlan.ts';
import { listedAttachments, nestedMessage } from './attachments.ts';
import { announcedLength, CutShort, type GraphLine } from './line.ts';

/** Signs of equal attachments: for files name and hash, for nested messages their subject. */
const fileSign = (name: string, sha256: string): string => `${name.normalize('NFC')} sha256:${sha256}`;
const nestedSign = (properties: JsonObject | undefined): string =>
  `nested message "${textOf(properties?.subject)}"`;

async function expectedSign(attachment: RestorableAttachment): Promise<string | undefined> {
  if (attachment.kind === 'reference') return undefined;
  if (attachment.kind === 'item' && isPlainNestedMessage(attachment.itemProperties)) {
    return nestedSign(attachment.itemProperties);
  }
  const file = fileOf(attachment);
  return fileSign(file.name, attachment.sha256?.toLowerCase() ?? (await measured(file)).sha256);
}

/** What one side has more often than the other. */
function surplus(of: readonly string[], over: readonly string[]): string[] {
  const left = [...over];
  return of.filter((sign) => {
    const at = left.indexOf(sign);
    if (at < 0) return true;
    left.splice(at, 1);
    return false;
  });
}

/** Reads a restored message back and compares everything that can be set with what was meant. */
export class ReadBack {
  private readonly line: GraphLine;
  private readonly userPath: string;

  constructor(line: GraphLine, userPath: string) {
    this.line = line;
    this.userPath = userPath;
  }

  async differences(id: string, folderId: string, item: RestorableItem): Promise<Difference[]> {
    const path = `${this.userPath}/messages/${encodeURIComponent(id)}`;
    const actual = await this.line.json({
      url: `${path}?$select=${listedProperties.join(',')}`,
      what: 'reading a restored message back',
      prefer: 'outlook.allow-unsafe-html',
    });
    const differences = compareMessages(expectedMessage(item), { ...actual, id }, folderId);
    const expected = (await this.expectedSigns(item)).sort();
    if (expected.length === 0 && actual.hasAttachments !== true) return differences;
    const found = await this.actualSigns(path);
    const missing = surplus(expected, found);
    const unexpected = surplus(found, expected);
    if (missing.length > 0 || unexpected.length > 0) {
      differences.push({
        property: 'attachments',
        expected: missing.join('; '),
        actual: unexpected.join('; '),
      });
    }
    return differences;
  }

  private async expectedSigns(item: RestorableItem): Promise<string[]> {
    const signs: string[] = [];
    for (const attachment of item.attachments) {
      const sign = await expectedSign(attachment);
      if (sign !== undefined) signs.push(sign);
    }
    return signs;
  }

  private async actualSigns(path: string): Promise<string[]> {
    const signs: string[] = [];
    for (const attachment of await listedAttachments(this.line, path)) {
      if (attachment.kind === 'item') {
        signs.push(nestedSign(await nestedMessage(this.line, path, attachment.id)));
      } else if (attachment.kind === 'file') {
        signs.push(fileSign(attachment.name, await this.hashOf(path, attachment)));
      }
    }
    return signs;
  }

  /** Streamed: an attachment may have 150 MB. */
  private hashOf(path: string, attachment: ListedAttachment): Promise<string> {
    return this.line.perform(
      {
        url: `${path}/attachments/${encodeURIComponent(attachment.id)}/$value`,
        what: 'reading a restored attachment back',
        raw: true,
        headers: { 'accept-encoding': 'identity' },
      },
      async (answer) => {
        const hash = createHash('sha256');
        let size = 0;
        for await (const piece of answer.body) {
          hash.update(piece);
          size += piece.byteLength;
        }
        this.line.deps.statistics.bytesRead += size;
        const announced = announcedLength(answer);
        if (announced !== undefined && announced !== size) throw new CutShort(announced, size);
        return hash.digest('hex');
      },
    );
  }
}
