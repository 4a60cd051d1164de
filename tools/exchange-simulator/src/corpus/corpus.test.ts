import { createHash } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { GeneratedContent } from '../mailbox/generatedContent.ts';
import { parseMime } from '../mailbox/parseMime.ts';
import { fileBytes, fileLines } from './attachmentPool.ts';
import { createCorpus, isGeneratedRead, unreadCount } from './corpus.ts';
import { mimePieces } from './generatedMime.ts';
import { countInFolder, folderOfIndex, GENERATED_FOLDERS, indexAt, positionOf } from './layout.ts';
import { indexOfMessageId } from './messageFacts.ts';

const OPTIONS = { seed: 7, mailboxes: 20, messagesPerMailbox: 60 };
const corpus = createCorpus(OPTIONS);
const each = <T>(of: typeof corpus, take: (mailbox: number, index: number) => T): T[] =>
  Array.from({ length: of.options.mailboxes * of.options.messagesPerMailbox }, (_, at) =>
    take(Math.floor(at / of.options.messagesPerMailbox), at % of.options.messagesPerMailbox),
  );

/** Header block and the rest; the transport headers end where the content headers begin. */
function split(mime: Buffer): { transport: string; content: string } {
  const text = mime.toString('latin1');
  const at = text.indexOf('DKIM-Signature:');
  return { transport: text.slice(0, at), content: text.slice(at) };
}

describe('a generated corpus', () => {
  test('is the same bytes everywhere and for ever', () => {
    const hash = createHash('sha256');
    each(corpus, (mailbox, index) =>
      hash.update(corpus.mime(mailbox, index)).update(JSON.stringify(corpus.meta(mailbox, index))),
    );
    expect(hash.digest('hex')).toBe('49f7921d1a8d5f48a058d1f82e19882681370302c1b15caa5d9eeff629056b2e');
    expect(
      createCorpus({ ...OPTIONS, seed: 8 })
        .mime(0, 0)
        .equals(corpus.mime(0, 0)),
    ).toBe(false);
  });

  test('has the sizes of real mail: median 20 KB, a tenth with files', () => {
    const sizes = each(corpus, (mailbox, index) => mimePieces(corpus.facts(mailbox, index)).length).sort(
      (a, b) => a - b,
    );
    const median = sizes[sizes.length >> 1]!;
    expect(median).toBeGreaterThan(17_000);
    expect(median).toBeLessThan(25_000);
    const withFiles = each(corpus, (mailbox, index) => corpus.facts(mailbox, index).files).filter(
      (files) => files.length > 0,
    );
    expect(withFiles.length / sizes.length).toBeGreaterThan(0.06);
    expect(withFiles.length / sizes.length).toBeLessThan(0.14);
    for (const { size } of withFiles.flat()) expect(size >= 100_000 && size <= 2_000_000).toBe(true);
  });

  test('compresses as real mail does: text about four times, files to about 0.8', () => {
    const texts = each(corpus, (mailbox, index) => corpus.facts(mailbox, index))
      .filter((facts) => facts.files.length === 0)
      .slice(0, 150);
    const raw = texts.map((facts) => Buffer.concat([...mimePieces(facts).chunks()]));
    const ratio =
      raw.reduce((sum, one) => sum + one.length, 0) /
      raw.reduce((sum, one) => sum + zstdCompressSync(one).length, 0);
    expect(ratio).toBeGreaterThan(3.3);
    expect(ratio).toBeLessThan(5);
    const file = Buffer.concat([...fileBytes(4711, 500_000)]);
    expect(zstdCompressSync(file).length / file.length).toBeGreaterThan(0.75);
    expect(zstdCompressSync(file).length / file.length).toBeLessThan(0.88);
  });

  test('holds copies across mailboxes: equal from the content headers on, different in transport', () => {
    const large = createCorpus({ seed: 7, mailboxes: 50, messagesPerMailbox: 100 });
    const copies = each(large, (mailbox, index) => ({
      mailbox,
      index,
      of: large.meta(mailbox, index).copyOf,
    })).filter((one) => one.of !== undefined);
    expect(copies.length / 5000).toBeGreaterThan(0.15);
    expect(copies.length / 5000).toBeLessThan(0.23);
    for (const { mailbox, index, of } of copies.slice(0, 20)) {
      const [copy, original] = [split(large.mime(mailbox, index)), split(large.mime(of!, index))];
      expect(copy.content).toBe(original.content);
      expect(copy.transport).not.toBe(original.transport);
    }
  });

  test('repeats about two fifths of its files', () => {
    const large = createCorpus({ seed: 7, mailboxes: 100, messagesPerMailbox: 200 });
    const keys = each(large, (mailbox, index) =>
      large.facts(mailbox, index).files.map((file) => file.key),
    ).flat();
    const repeated = 1 - new Set(keys).size / keys.length;
    expect(repeated).toBeGreaterThan(0.33);
    expect(repeated).toBeLessThan(0.5);
  });

  test('says in JSON what a parser reads in its MIME', async () => {
    for (let index = 0; index < 60; index++) {
      for (const mailbox of [0, 7]) {
        const content = new GeneratedContent(corpus.facts(mailbox, index));
        const mime = corpus.mime(mailbox, index);
        const [said, { properties: read, attachments }] = [content.properties(), await parseMime(mime)];
        for (const name of [
          'subject',
          'from',
          'to',
          'cc',
          'internetMessageId',
          'sentAt',
          'importance',
        ] as const)
          expect([name, read[name]]).toEqual([name, said[name]]);
        const normal = (text: string | null) => text?.replaceAll('\r\n', '\n').trimEnd();
        if (said.body().html !== null) expect(normal(read.body().html)).toBe(normal(said.body().html));
        else expect(normal(read.body().text)).toBe(normal(said.body().text));
        // The parser gives an attached message with bare line feeds, so it is compared as text.
        const shown = (infos: typeof read.attachments) =>
          infos
            .filter((one) => one.kind === 'file')
            .map(({ kind, name, size, isInline, contentType }) => ({
              kind,
              name,
              size,
              isInline,
              contentType,
            }));
        expect(shown(read.attachments)).toEqual(shown(said.attachments));
        for (const [ordinal, bytes] of attachments.entries()) {
          if (said.attachments[ordinal]?.kind === 'item')
            expect(normal(bytes.toString())).toBe(normal(content.attachmentBytes(ordinal).toString()));
          else expect(bytes.equals(content.attachmentBytes(ordinal))).toBe(true);
        }
      }
    }
  });

  test('has 1 to 3 KB a message in the small profile', () => {
    const small = createCorpus({ ...OPTIONS, profile: 'small' });
    const sizes = each(small, (mailbox, index) => small.mime(mailbox, index).length);
    expect(Math.min(...sizes)).toBeGreaterThan(700);
    expect(Math.max(...sizes)).toBeLessThan(6_000);
  });

  test('knows the length of a large file without building it', () => {
    const large = createCorpus({ seed: 1, mailboxes: 1, messagesPerMailbox: 1, largeAttachmentMb: 12 });
    const facts = large.facts(0, 0);
    let length = 0;
    for (const chunk of mimePieces(facts).chunks()) length += chunk.length;
    expect(length).toBe(mimePieces(facts).length);
    expect(length).toBeGreaterThan(12 * 1024 * 1024 * 1.33);
  });

  test('refuses counts that make no sense', () => {
    expect(() => createCorpus({ ...OPTIONS, mailboxes: -1 })).toThrow(RangeError);
    expect(() => createCorpus({ ...OPTIONS, messagesPerMailbox: 1.5 })).toThrow(RangeError);
  });
});

describe('the layout of folders', () => {
  test('index and position are inverse, and counts agree with a walk', () => {
    fc.assert(
      fc.property(fc.nat(100_000), fc.nat(500), (index, messages) => {
        expect(indexAt(folderOfIndex(index), positionOf(index))).toBe(index);
        const all = Array.from({ length: messages }, (_, at) => at);
        for (const folder of GENERATED_FOLDERS) {
          const inFolder = all.filter((at) => folderOfIndex(at) === folder);
          expect(countInFolder(folder, messages)).toBe(inFolder.length);
          expect(unreadCount(folder, inFolder.length)).toBe(
            inFolder.filter((at) => !isGeneratedRead(folder, positionOf(at))).length,
          );
        }
      }),
    );
  });

  test('time falls strictly from message to message, for copies too', () => {
    for (let index = 1; index < 2000; index++)
      expect(corpus.receivedAt(3, index)).toBeLessThan(corpus.receivedAt(3, index - 1));
    each(corpus, (mailbox, index) => {
      const facts = corpus.facts(mailbox, index);
      expect(facts.sentAt).toBeLessThanOrEqual(facts.receivedAt);
      expect(indexOfMessageId(facts.internetMessageId)).toBe(index);
    });
  });
});

describe('a generated file', () => {
  test('has its exact size in raw and in encoded form', () => {
    fc.assert(
      fc.property(fc.nat(1_000_000), fc.integer({ min: 1, max: 40_000 }), (key, size) => {
        const raw = Buffer.concat([...fileBytes(key, size)]);
        expect(raw.length).toBe(size);
        const lines = Buffer.concat([...fileLines(key, size)]).toString('latin1');
        expect(Buffer.from(lines, 'base64').equals(raw)).toBe(true);
        expect(
          lines
            .split('\r\n')
            .slice(0, -2)
            .every((line) => line.length === 76),
        ).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});
