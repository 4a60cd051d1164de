import { readFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createInterface } from 'node:readline';
import type { MessageSnapshot, SimulatorControl } from './control/api.ts';
import { CONTROL_PATH } from './control/httpControl.ts';

/** The simulator would not do what it was asked for. */
export class ControlRefused extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ControlRefused';
    this.status = status;
  }
}

type Call = (name: string, args: readonly unknown[]) => Promise<IncomingMessage>;

function caller(url: string, caFile: string | undefined): Call {
  const ca = caFile === undefined ? undefined : readFileSync(caFile);
  const secure = url.startsWith('https:');
  return (name, args) =>
    new Promise((resolve, reject) => {
      const body = Buffer.from(JSON.stringify(args));
      const options = {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': body.length },
        agent: false as const,
        ...(ca ? { ca } : {}),
      };
      const request = (secure ? httpsRequest : httpRequest)(
        new URL(CONTROL_PATH + name, url),
        options,
        resolve,
      );
      request.on('error', reject);
      request.end(body);
    });
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

async function result(call: Call, name: string, args: readonly unknown[]): Promise<unknown> {
  const response = await call(name, args);
  const body = JSON.parse(await text(response)) as { result?: unknown; error?: string };
  if (response.statusCode !== 200)
    throw new ControlRefused(
      response.statusCode ?? 0,
      body.error ?? `the simulator answered ${response.statusCode}`,
    );
  return body.result ?? undefined;
}

async function* messages(call: Call, user: string): AsyncGenerator<MessageSnapshot> {
  const response = await call('messages', [user]);
  if (response.statusCode !== 200) throw new ControlRefused(response.statusCode ?? 0, await text(response));
  for await (const line of createInterface({ input: response })) yield JSON.parse(line) as MessageSnapshot;
}

/**
 * The control object of a simulator in another process. `url` is its address, `caFile` the certificate to trust
 * (not needed for plain HTTP).
 */
export function simulatorControl(url: string, caFile?: string): SimulatorControl {
  const call = caller(url, caFile);
  return new Proxy({} as SimulatorControl, {
    get(_, name) {
      if (typeof name !== 'string' || name === 'then') return undefined;
      if (name === 'messages') return (user: string) => messages(call, user);
      return (...args: unknown[]) => result(call, name, args);
    },
  });
}
