import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { serverMessages } from './serverMessages.ts';

async function* inPieces(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts].map((at) => at % (bytes.length + 1)).sort((a, b) => a - b)) {
    yield bytes.subarray(from, cut);
    from = cut;
  }
  yield bytes.subarray(from);
}

async function read(text: string, cuts: readonly number[] = []) {
  const all = [];
  for await (const message of serverMessages(inPieces(Buffer.from(text), cuts))) all.push(message);
  return all;
}

describe('server-sent events', () => {
  test('are read with name, id and data, past comments and unknown fields', async () => {
    const text =
      ': here\n\nretry: 2000\n\nid: 1\nevent: run.started\ndata: {"a":\ndata: 1}\nfoo: bar\n\ndata: x\n\n';
    expect(await read(text)).toEqual([
      { event: 'run.started', data: '{"a":\n1}', id: '1' },
      { event: 'message', data: 'x', id: undefined },
    ]);
  });

  test('are the same however the bytes are cut, also within a letter', async () => {
    const text = 'id: é1\ndata: {"subject":"Grüße 🚀"}\n\nevent: b\ndata: zwei\n\n';
    const whole = await read(text);
    expect(whole).toHaveLength(2);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(200), { maxLength: 20 }), async (cuts) => {
        expect(await read(text, cuts)).toEqual(whole);
        expect(await read(text.replaceAll('\n', '\r\n'), cuts)).toEqual(whole);
      }),
    );
  });

  test('an unfinished message at the end of the stream is not taken', async () => {
    expect(await read('data: a\n\ndata: b\n')).toEqual([{ event: 'message', data: 'a', id: undefined }]);
  });

  test('a line without end is refused before it fills the memory', async () => {
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(1024 * 1024, 'x');
    }
    await expect(serverMessages(endless()).next()).rejects.toThrow('too long');
  });
});
