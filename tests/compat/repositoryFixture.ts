import { createHash } from 'node:crypto';

export const FIXTURE_PASSPHRASE = 'the passphrase of the fixtures';

/** What must be found in a fixture repository. */
export interface FixtureFacts {
  repositoryId: string;
  recoveryKey: string;
  points: {
    name: string;
    kind: string;
    root: string;
    items: { folder: string; key: string; sha256: string }[];
  }[];
}

/** The messages of the fixture: text, a file that is a part, one cut in segments, base64 that is none. */
export function fixtureMessages(
  count: number,
): { folder: string; key: string; time: number; mime: Buffer }[] {
  return Array.from({ length: count }, (_, number) => ({
    folder: number % 5 === 4 ? 'old' : 'inbox',
    key: `AAMkAD-${String(number).padStart(4, '0')}`,
    time: 1_700_000_000_000 + ((number * 37) % 100) * 60_000,
    mime: message(number),
  }));
}

function message(number: number): Buffer {
  const eol = number % 7 === 6 ? '\n' : '\r\n';
  const header = [
    `Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= ${number}`,
    'From: ann@example.com',
    'MIME-Version: 1.0',
  ];
  const text = `Message ${number}. ${'Lorem ipsum dolor sit amet. '.repeat(number % 10)}`;
  if (number % 6 !== 0) return Buffer.from([...header, '', text, ''].join(eol));
  const size = number === 12 ? 40_000 : 1500;
  const file =
    noise(`file ${number % 12}`, size)
      .toString('base64')
      .match(/.{1,76}/g) ?? [];
  const broken = number === 18 ? ['not base64!'] : [];
  return Buffer.from(
    [
      ...header,
      'Content-Type: multipart/mixed; boundary="b"',
      '',
      '--b',
      '',
      text,
      '--b',
      'Content-Type: image/png; name="picture.png"',
      'Content-Transfer-Encoding: base64',
      '',
      ...file.slice(0, 10),
      ...broken,
      ...file.slice(10),
      '--b--',
      '',
    ].join(eol),
  );
}

function noise(name: string, size: number): Buffer {
  const blocks: Buffer[] = [];
  for (let at = 0; at * 32 < size; at++) blocks.push(createHash('sha256').update(`${name} ${at}`).digest());
  return Buffer.concat(blocks).subarray(0, size);
}
