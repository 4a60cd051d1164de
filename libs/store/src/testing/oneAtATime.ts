import { connect, createServer, type Server, type Socket } from 'node:net';

/** Splits a stream into messages of the MongoDB wire protocol, which begin with their length (int32, little endian). */
function createSplitter(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 4 && rest.length >= rest.readInt32LE(0)) {
      const length = rest.readInt32LE(0);
      onMessage(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
  };
}

const opMsg = 2013;
const moreToCome = 2;
const headerBytes = 16;

/** An OP_MSG with this flag gets no answer. */
function wantsAnswer(message: Buffer): boolean {
  const isOpMsg = message.readInt32LE(12) === opMsg;
  return !isOpMsg || (message.readUInt32LE(headerBytes) & moreToCome) === 0;
}

/** Hands out turns: the next begins when the one before has ended, whatever its connection. */
function createTurns(): (turn: () => Promise<void>) => void {
  let last = Promise.resolve();
  return (turn) => {
    last = last.then(turn);
  };
}

function serve(client: Socket, upstream: Socket, takeTurn: (turn: () => Promise<void>) => void): void {
  let endTurn: (() => void) | undefined;
  const turnOf = (message: Buffer) =>
    new Promise<void>((resolve) => {
      if (client.destroyed || upstream.destroyed) return resolve();
      upstream.write(message);
      if (wantsAnswer(message)) endTurn = resolve;
      else resolve();
    });
  const request = createSplitter((message) => takeTurn(() => turnOf(message)));
  const answer = createSplitter((message) => {
    if (client.destroyed) upstream.destroy();
    else client.write(message);
    endTurn?.();
    endTurn = undefined;
  });
  // The command of a client that was killed goes on in the server: its turn ends with the answer all the same.
  const clientEnded = () => {
    client.destroy();
    if (endTurn === undefined) upstream.destroy();
  };
  const upstreamEnded = () => {
    client.destroy();
    endTurn?.();
  };
  client.on('data', request).on('close', clientEnded).on('error', clientEnded);
  upstream.on('data', answer).on('close', upstreamEnded).on('error', upstreamEnded);
}

/**
 * A door to a server of the MongoDB protocol that lets one command through at a time, over all connections together.
 *
 * FerretDB 1.24 on SQLite reads what an update matches and writes it back without a lock in between: of ten
 * compare-and-sets that come at once, several succeed. One at a time, they do what they promise.
 *
 * @param target path of the server's Unix socket
 * @returns the listening server (127.0.0.1, any free port) and how to end it with its connections
 */
export async function serveOneAtATime(target: string): Promise<{ port: number; stop(): Promise<void> }> {
  const takeTurn = createTurns();
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    serve(client, upstream, takeTurn);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has an address');
  return {
    port: address.port,
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
