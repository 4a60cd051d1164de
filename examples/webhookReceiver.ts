// Takes Holdfast's webhooks and prints one line for each event. Needs nothing but Node.
// WEBHOOK_SECRET=whsec_… node examples/webhookReceiver.ts [port]
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

const secret = process.env.WEBHOOK_SECRET ?? '';
const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
if (key.length < 16)
  throw new Error('set WEBHOOK_SECRET to the secret that was shown when the webhook was added');

/** Older or younger deliveries are refused: somebody may send a recorded one again. */
const windowSeconds = 5 * 60;
const mostBytes = 1024 * 1024;

/** Why a delivery is not believed; undefined when it is. `body` must be the bytes as they came. */
function refusalOf(headers: IncomingHttpHeaders, body: Buffer): string | undefined {
  const [id, timestamp, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) =>
    String(headers[name] ?? ''),
  );
  if (!id || !timestamp || !signatures) return 'headers are missing';
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= windowSeconds))
    return 'the timestamp is outside the window';
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  // Several signatures, separated by spaces, while a secret is being replaced: one that fits is enough.
  const fits = signatures.split(' ').some((one) => {
    const [version, text = ''] = one.split(',', 2);
    const given = Buffer.from(text, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  return fits ? undefined : 'the signature does not fit';
}

const seen = new Set<string>();

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > mostBytes) request.destroy();
    else chunks.push(chunk);
  });
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    const refusal = refusalOf(request.headers, body);
    if (refusal !== undefined) {
      console.log(JSON.stringify({ refused: refusal }));
      response.writeHead(401).end(`${refusal}\n`);
      return;
    }
    const event = JSON.parse(body.toString('utf8'));
    // Delivery is at least once: what was seen is acknowledged again and not done again.
    if (!seen.has(event.id)) {
      console.log(JSON.stringify({ id: event.id, name: event.name, data: event.data }));
      seen.add(event.id);
    }
    // Answer soon, and work afterwards: an answer outside 200 to 299, or none in 15 seconds, is tried again.
    response.writeHead(204).end();
  });
});
server.listen(Number(process.argv[2] ?? 9000), '127.0.0.1', () => {
  console.log(JSON.stringify({ ready: true, port: (server.address() as AddressInfo).port }));
});
process.on('SIGTERM', () => server.close(() => process.exit(0)));
