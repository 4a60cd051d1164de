import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { previewSchema } from '@holdfast/contracts';
import { describe, expect, test } from '@jest/globals';
import type { PointItem, StoredItem } from '../ports.ts';
import { bytesOf } from '../testing/memoryPoint.ts';
import { htmlText } from './htmlText.ts';
import { itemDocument } from './itemDocument.ts';
import { attachmentName, previewHtml, previewItem } from './previewItem.ts';

const entry = (size: number): PointItem => ({
  ...{ key: 'k', time: 0, objectId: '0'.repeat(64), size },
  ...{ state: {}, summary: { subject: 'listed', from: 'a@b', hasAttachments: true } },
});

/** A stored item whose message is read in large pieces, as the repository gives them. */
function stored(mime: Buffer | string): StoredItem {
  const bytes = Buffer.isBuffer(mime) ? mime : Buffer.from(mime, 'utf8');
  const open = async function* () {
    for (let at = 0; at < bytes.length; at += 1 << 20) yield bytes.subarray(at, at + (1 << 20));
  };
  return { properties: {}, mime: { ...bytesOf(bytes), open, parts: [] }, extraParts: [] };
}

const look = (mime: Buffer | string) => previewItem('f', entry(mime.length), stored(mime));
const show = (mime: Buffer | string) => previewHtml(stored(mime));

const htmlMail = (html: string): string =>
  `From: Eve <eve@example.com>\r\nSubject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${html}`;

/** What a browser would run, fetch or be led by. */
const dangerous =
  /<script|<iframe|<object|<embed|<form|<link|<meta http|<base|<svg|javascript:|vbscript:|\son\w+\s*=|url\(|@import|expression\(|src="(?!data:image)|srcset|background=/i;

describe('a hostile mail', () => {
  test.each([
    ['a script', '<p>hi</p><script>alert(1)</script><SCRIPT SRC=//evil.example></SCRIPT>'],
    ['an event handler', '<img src=x onerror=alert(1)><body onload="alert(1)"><p onclick=a()>x</p>'],
    ['a tracking pixel', '<img src="https://track.example/p.gif?u=1" width=1 height=1>'],
    [
      'pictures by other ways',
      '<table background="http://x.example/a"><td style="background:url(http://x.example/b)">x<img srcset="http://x.example/c 2x"></table>',
    ],
    [
      'javascript links',
      '<a href="javascript:alert(1)">x</a><a href=" jAvA\tscript:alert(1)">y</a><a href="&#106;avascript:alert(1)">z</a>',
    ],
    [
      'a data link',
      '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a><img src="data:image/svg+xml;base64,PHN2Zz4=">',
    ],
    [
      'frames, forms and objects',
      '<iframe src=//x.example></iframe><form action=//x.example><input></form><object data=x></object><embed src=x>',
    ],
    [
      'styles',
      '<style>@import "http://x.example"; p{background:url(http://x.example)}</style><p style="width:expression(alert(1));background:u\\72l(http://x.example)">x</p>',
    ],
    [
      'a base and a refresh',
      '<base href="http://x.example/"><meta http-equiv="refresh" content="0;url=http://x.example"><link rel=stylesheet href=//x.example>',
    ],
    [
      'drawn scripts',
      '<svg onload=alert(1)><script>alert(1)</script></svg><math href="javascript:alert(1)">x</math>',
    ],
    ['broken markup', '<<script>script>alert(1)<</script>/script><img """><script>alert(1)</script>"\\>'],
    ['a comment that ends late', '<!--><script>alert(1)</script>--><![CDATA[<script>alert(1)</script>]]>'],
  ])('with %s shows nothing that runs or fetches', async (_what, html) => {
    const page = await show(htmlMail(html));
    const body = page.slice(page.indexOf('<body>'));
    expect(body).not.toMatch(dangerous);
  });

  test('counts the pictures that are not shown, and keeps what is harmless', async () => {
    const page = await show(
      htmlMail(
        '<p style="color:red; position:fixed">Hello <b>you</b></p><img src="http://x.example/1.png"><a href="https://ok.example/a?b=1">link</a>',
      ),
    );
    expect(page).toContain('1 pictures from elsewhere are not shown.');
    expect(page).toContain('<p style="color:red">Hello <b>you</b></p>');
    expect(page).toContain(
      '<a href="https://ok.example/a?b=1" rel="noopener noreferrer nofollow" target="_blank">link</a>',
    );
  });

  test('shows pictures of the message itself', async () => {
    const png = Buffer.from('89504e470d0a1a0a', 'hex').toString('base64');
    const mime = [
      'Content-Type: multipart/related; boundary=b',
      '',
      '--b',
      'Content-Type: text/html',
      '',
      '<img src="cid:pic@x"><img src="cid:none@x">',
      '--b',
      'Content-Type: image/png',
      'Content-ID: <pic@x>',
      'Content-Transfer-Encoding: base64',
      '',
      png,
      '--b--',
      '',
    ].join('\r\n');
    const page = await show(mime);
    expect(page).toContain(`<img src="data:image/png;base64,${png}"`);
    expect(page.slice(page.indexOf('<body>'))).not.toContain('cid:');
  });

  test('with an archive that unfolds to gigabytes is never opened', async () => {
    const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024));
    const mime = [
      'Subject: bomb\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee attachment\r\n--b',
      'Content-Type: application/zip; name=bomb.zip\r\nContent-Transfer-Encoding: base64',
      `\r\n${bomb.toString('base64').replaceAll(/(.{76})/g, '$1\r\n')}\r\n--b--\r\n`,
    ].join('\r\n');
    const preview = await look(mime);
    expect(preview.attachments).toMatchObject([{ name: 'bomb.zip', contentType: 'application/zip' }]);
    expect(preview.attachments[0]!.size).toBeLessThan(bomb.length * 1.1);
    expect(preview.text.trim()).toBe('see attachment');
  });

  test('with a header of a megabyte, in one line and in many', async () => {
    const line = `X-Long: ${'a'.repeat(1024 * 1024)}\r\nSubject: after\r\n\r\nbody`;
    const lines = `${Array.from({ length: 40_000 }, (_, n) => `X-${n}: ${'b'.repeat(20)}`).join('\r\n')}\r\n\r\nbody`;
    for (const mime of [line, lines]) {
      const preview = await look(mime);
      expect(JSON.stringify(preview).length).toBeLessThan(800_000);
      expect(preview.notes.join(' ')).toContain('of the header are shown');
    }
  });

  test('with ten thousand parts lists some and says so', async () => {
    const part = (n: number) => `--b\r\nContent-Type: image/gif; name="${n}.gif"\r\n\r\nGIF\r\n`;
    const parts = Array.from({ length: 10_000 }, (_, n) => part(n)).join('');
    const preview = await look(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts}--b--\r\n`);
    expect(preview.attachments).toHaveLength(500);
    expect(preview.notes).toEqual(['Only the first 500 parts are listed.']);
    expect(JSON.stringify(preview).length).toBeLessThan(800_000);
  });

  test('nested two hundred deep, as parts, as messages and as elements', async () => {
    let multi = 'Content-Type: text/plain\r\n\r\nthe core';
    let message = 'Subject: core\r\n\r\nthe core';
    for (let depth = 0; depth < 200; depth++) {
      multi = `Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n--b${depth}\r\n${multi}\r\n--b${depth}--\r\n`;
      message = `Content-Type: message/rfc822\r\n\r\n${message}`;
    }
    for (const mime of [multi, message, htmlMail('<div>'.repeat(100_000))]) {
      expect(previewSchema.parse(await look(mime))).toBeDefined();
      expect(await show(mime)).toContain('</html>');
    }
  });

  test.each([
    ['nothing at all', ''],
    ['an empty body', 'Subject: empty\r\nContent-Type: text/html\r\n\r\n'],
    ['a charset nobody knows', 'Content-Type: text/plain; charset="klingon-7"\r\n\r\n\u00e4\u00f6'],
    [
      'a charset that is a trick',
      'Content-Type: text/html; charset=utf-7\r\n\r\n+ADw-script+AD4-alert(1)+ADw-/script+AD4-',
    ],
    ['bytes that are no text', Buffer.from([0, 255, 254, 13, 10, 13, 10, 0, 128, 192, 193])],
    [
      'base64 that is none',
      'Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!! not base64 ????',
    ],
    ['headers only', 'Subject: only'],
    [
      'a boundary that never comes',
      'Content-Type: multipart/mixed; boundary=never\r\n\r\ntext without parts',
    ],
  ])('with %s', async (_what, mime) => {
    expect(previewSchema.parse(await look(mime))).toBeDefined();
    const page = await show(mime);
    expect(page.slice(page.indexOf('<body>'))).not.toMatch(dangerous);
  });

  test('with names that deceive gets plain ones', async () => {
    expect(attachmentName('../../etc/passwd', 'text/plain', 0)).toBe('_.._etc_passwd');
    expect(attachmentName('a\r\nSet-Cookie: x=1', 'text/plain', 0)).toBe('aSet-Cookie_ x=1');
    expect(attachmentName('invoice\u202egpj.exe', 'image/jpeg', 0)).toBe('invoicegpj.exe');
    expect(attachmentName('', 'application/pdf', 2)).toBe('attachment-3.pdf');
    expect(attachmentName('\u0000\u0001', 'x/y', 0)).toBe('attachment-1');
    const mime =
      'Subject: =?utf-8?Q?a=0D=0ASet-Cookie:_x?=\r\nFrom: "x\u0000y" <a@b>\r\nContent-Type: application/x; name*=utf-8\'\'a%0D%0Ab%2F..%2Fc\r\n\r\nx';
    const preview = await look(mime);
    expect(preview.attachments[0]!.name).toBe('ab_.._c');
    for (const { name, value } of preview.headers) expect(name + value).not.toMatch(/[\r\n\0]/);
  });

  test('with a text of many megabytes shows its beginning', async () => {
    const preview = await look(`Content-Type: text/plain\r\n\r\n${'word '.repeat(4_000_000)}`);
    expect(preview.text.length).toBeLessThanOrEqual(200 * 1024);
    expect(preview.notes.length).toBeGreaterThan(0);
    const document = await itemDocument(entry(0), stored(htmlMail(`<p>${'word '.repeat(2_000_000)}`)));
    expect(document.body.length).toBeLessThanOrEqual(256 * 1024);
  });
});

test('the text of HTML is what a person reads', () => {
  const html =
    '<head><title>t</title></head><style>x{}</style><p>One&nbsp;<b>two</b><br>three</p><script>x</script><ul><li>a<li>b</ul>&lt;c&gt;';
  expect(htmlText(html, 1000)).toBe(
    'One two\nthree\n\na\n\nb\n\n<c>'.replaceAll('\n\na\n\nb\n\n', '\n\na\n\nb\n\n'),
  );
  expect(htmlText('<p>abcdef', 3)).toBe('abc');
});

const corpus = join(
  process.env.HOLDFAST_SHARED ?? resolve(fileURLToPath(new URL('../../../../..', import.meta.url)), 'shared'),
  'mail-corpus',
);
const mails = existsSync(corpus)
  ? readdirSync(corpus, { recursive: true, encoding: 'utf8' })
      .map((name) => join(corpus, name))
      .filter((path) => statSync(path).isFile() && !path.endsWith('README.md'))
  : [];

if (mails.length === 0) {
  process.stdout.write(`there is no mail in ${corpus}: the test of its previews is left out\n`);
} else {
  test(`each of ${mails.length} real and nasty mails has a preview, a page and a text to search`, async () => {
    for (const path of mails) {
      const mime = readFileSync(path);
      const preview = previewSchema.safeParse(await look(mime));
      expect({ path, problem: preview.error?.message }).toEqual({ path, problem: undefined });
      const page = await show(mime);
      expect({ path, bad: dangerous.exec(page.slice(page.indexOf('<body>')))?.[0] }).toEqual({
        path,
        bad: undefined,
      });
      const document = await itemDocument(entry(mime.length), stored(mime));
      expect(document.body.length).toBeLessThanOrEqual(256 * 1024);
    }
  });
}
