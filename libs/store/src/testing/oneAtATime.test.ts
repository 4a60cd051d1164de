import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { serveOneAtATime } from './oneAtATime.ts';

const opMsg = 2013;

function message(text: string, flags = 0): Buffer {
  const body = Buffer.from(text);
  const bytes = Buffer.alloc(20 + body.length);
  bytes.writeInt32LE(bytes.length, 0);
  bytes.writeInt32LE(opMsg, 12);
  bytes.writeUInt32LE(flags, 16);
  body.copy(bytes, 20);
  return bytes;
}
const textOf = (bytes: Buffer) => bytes.subarray(20).toString();

let folder: string;
let door: Awaited<ReturnType<typeof serveOneAtATime>>;
let atWork: number;
let mostAtWork: number;
let received: string[];
let answerLater: (() => void)[];
const served = new Set<Socket>();
const server = createServer((socket: Socket) => {
  served.add(socket);
  let rest = Buffer.alloc(0);
  socket
    .on('error', () => undefined)
    .on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes]);
      while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
        const whole = rest.subarray(0, rest.readInt32LE(0));
        rest = rest.subarray(whole.length);
        take(socket, whole);
      }
    });
});

function take(socket: Socket, command: Buffer): void {
  received.push(textOf(command));
  if ((command.readUInt32LE(16) & 2) !== 0) return;
  atWork += 1;
  mostAtWork = Math.max(mostAtWork, atWork);
  answerLater.push(() => {
    atWork -= 1;
    socket.write(message(`answer to ${textOf(command)}`));
  });
}

beforeEach(async () => {
  [atWork, mostAtWork, received, answerLater] = [0, 0, [], []];
  folder = await mkdtemp(join(tmpdir(), 'holdfast-door-'));
  await new Promise<void>((resolve) => server.listen(join(folder, 'socket'), resolve));
  door = await serveOneAtATime(join(folder, 'socket'));
});
afterEach(async () => {
  await door.stop();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

/** A client that sends and collects whole answers. */
function client() {
  const socket = connect(door.port, '127.0.0.1');
  const answers: string[] = [];
  socket.on('data', (bytes: Buffer) => answers.push(textOf(bytes)));
  return { socket, answers };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition(); tries += 1) {
    if (tries > 20_000) throw new Error('waited in vain');
    await sleep(2);
  }
}

test('commands of all connections go through one at a time, and each gets its own answer', async () => {
  const clients = [client(), client(), client()];
  for (const [i, { socket }] of clients.entries()) socket.write(message(`command ${i}`));
  for (let done = 1; done <= 3; done += 1) {
    await until(() => answerLater.length === done);
    answerLater[done - 1]?.();
    await until(() => clients.flatMap(({ answers }) => answers).length === done);
  }
  expect(mostAtWork).toBe(1);
  expect(clients.map(({ answers }) => answers)).toEqual([
    ['answer to command 0'],
    ['answer to command 1'],
    ['answer to command 2'],
  ]);
});

test('a command in pieces is put together, and one that wants no answer holds up nobody', async () => {
  const { socket, answers } = client();
  const [silent, loud] = [message('silent', 2), message('loud')];
  for (const byte of Buffer.concat([silent, loud])) socket.write(Buffer.of(byte));
  await until(() => answerLater.length === 1);
  answerLater[0]?.();
  await until(() => answers.length === 1);
  expect(received.join(' ')).toBe('silent loud');
});

test('the command of a client that was killed is waited for, then the next one goes through', async () => {
  const leaving = client();
  leaving.socket.write(message('left behind'));
  await until(() => answerLater.length === 1);
  const staying = client();
  staying.socket.write(message('goes on'));
  leaving.socket.destroy();
  await sleep(20);
  expect(received).toEqual(['left behind']);
  answerLater[0]?.();
  await until(() => answerLater.length === 2);
  answerLater[1]?.();
  await until(() => staying.answers.length === 1);
  expect(mostAtWork).toBe(1);
  expect(staying.answers).toEqual(['answer to goes on']);
});

test('a server that dies frees all who wait', async () => {
  const clients = [client(), client()];
  for (const { socket } of clients) socket.write(message('command'));
  const closed = clients.map(({ socket }) => new Promise((resolve) => socket.once('close', resolve)));
  await until(() => answerLater.length === 1);
  for (const socket of served) socket.destroy();
  await Promise.all(closed);
  const later = client();
  later.socket.write(message('later'));
  await until(() => answerLater.length === 2);
  answerLater[1]?.();
  await until(() => later.answers.length === 1);
});
