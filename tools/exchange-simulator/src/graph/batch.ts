import type { IncomingHttpHeaders } from 'node:http';
import type { Reply } from '../http/reply.ts';
import { badRequest } from './errors.ts';
import {
  type Answer,
  answerGraph,
  type Caller,
  type GraphServices,
  type RawRequest,
  suffer,
} from './service.ts';

interface Part {
  readonly id: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly dependsOn: readonly string[];
}

const MAXIMUM = 20;
const AT_ONCE = 4;

function readPart(value: unknown): Part {
  if (typeof value !== 'object' || value === null) throw badRequest('Invalid batch payload format.');
  const part = value as Record<string, unknown>;
  if (typeof part.id !== 'string' || typeof part.method !== 'string' || typeof part.url !== 'string')
    throw badRequest('Every request of a batch needs id, method and url.');
  const headers = Object.fromEntries(
    Object.entries((part.headers ?? {}) as Record<string, string>).map(([name, text]) => [
      name.toLowerCase(),
      String(text),
    ]),
  );
  const hasBody = part.body !== undefined && part.body !== null;
  if (hasBody && headers['content-type'] === undefined)
    throw badRequest(`Write request id : ${part.id} does not contain Content-Type header or body.`);
  const body = !hasBody
    ? Buffer.alloc(0)
    : Buffer.from(typeof part.body === 'string' ? part.body : JSON.stringify(part.body));
  const dependsOn = Array.isArray(part.dependsOn) ? part.dependsOn.map(String) : [];
  return { id: part.id, method: part.method.toUpperCase(), url: part.url, headers, body, dependsOn };
}

/** The parts of a batch. Throws 400 for more than 20, repeated ids and unknown dependencies. */
function readBatch(body: Buffer): Part[] {
  let json: unknown;
  try {
    json = JSON.parse(body.toString());
  } catch {
    throw badRequest('Invalid batch payload format.');
  }
  const requests = (json as { requests?: unknown } | null)?.requests;
  if (!Array.isArray(requests) || requests.length === 0) throw badRequest('Invalid batch payload format.');
  if (requests.length > MAXIMUM)
    throw badRequest(
      `Number of batch request steps exceeds the maximum value of ${MAXIMUM}.`,
      'MaximumValueExceeded',
    );
  const parts = requests.map(readPart);
  const seen = new Set<string>();
  for (const part of parts) {
    if (seen.has(part.id))
      throw badRequest(`Request Id: ${part.id} is repeated. Request Ids have to be unique in a batch.`);
    for (const other of part.dependsOn)
      if (!seen.has(other))
        throw badRequest(`Request ${part.id} depends on ${other}, which does not come before it.`);
    seen.add(part.id);
  }
  return parts;
}

/** The few names of headers that answers have, as they are written in a batch. */
const partHeaders = new Map<string, string>();

function partHeader(name: string): string {
  let known = partHeaders.get(name);
  if (known === undefined) {
    known = name.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
    partHeaders.set(name, known);
  }
  return known;
}

function partJson(id: string, reply: Reply) {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(reply.headers ?? {})) headers[partHeader(name)] = value;
  if (reply.json !== undefined)
    return {
      id,
      status: reply.status,
      headers: { 'Content-Type': 'application/json', ...headers },
      body: reply.json,
    };
  const bytes = reply.stream ? Buffer.concat([...reply.stream.chunks()]) : reply.bytes;
  return { id, status: reply.status, headers, ...(bytes ? { body: bytes.toString('base64') } : {}) };
}

/** A batch for the fault plan: what is said of no kind in particular strikes its parts. */
const wholeBatch = {
  kind: 'batch',
  onlyByKind: true,
  method: 'POST',
  path: '/$batch',
  mailbox: [],
  message: () => [],
  folder: () => [],
};

/** `POST /$batch`: parts are metered one by one, four at a time; a chain of dependencies goes in order. */
export async function answerBatch(
  services: GraphServices,
  outer: RawRequest,
  caller: Caller,
  ids: { requestId: string; clientRequestId: string },
): Promise<Reply> {
  const parts = readBatch(outer.body);
  services.counters.count('batch', undefined);
  const action = services.faults.strike(wholeBatch);
  if (action !== undefined) await suffer(services, action);
  const results = new Map<string, Promise<Reply>>();
  const waiting: (() => void)[] = [];
  let active = 0;
  const enter = () =>
    new Promise<void>((resolve) => {
      const go = () => {
        active++;
        resolve();
      };
      if (active < AT_ONCE) go();
      else waiting.push(go);
    });
  const leave = () => {
    active--;
    waiting.shift()?.();
  };
  for (const part of parts) {
    const needed = part.dependsOn.map((id) => results.get(id));
    results.set(
      part.id,
      (async () => {
        for (const one of needed) {
          const before = await one;
          if (before && before.status >= 400)
            return {
              status: 424,
              json: { error: { code: 'FailedDependency', message: 'The request it depends on has failed.' } },
            };
        }
        await enter();
        try {
          return await answerPart(services, outer, part, caller, ids);
        } finally {
          leave();
        }
      })(),
    );
  }
  const responses = [];
  let reset = action?.type === 'reset';
  for (const part of parts) {
    const reply = (await results.get(part.id)) ?? { status: 500 };
    if (reply.reset === true) reset = true;
    responses.push(partJson(part.id, reply));
  }
  // There is one connection: what cuts a part's answer cuts them all.
  return { status: 200, json: { responses: responses.reverse() }, ...(reset ? { reset } : {}) };
}

async function answerPart(
  services: GraphServices,
  outer: RawRequest,
  part: Part,
  caller: Caller,
  ids: { requestId: string; clientRequestId: string },
): Promise<Reply> {
  const question = part.url.indexOf('?');
  const path = question < 0 ? part.url : part.url.slice(0, question);
  const raw: RawRequest = {
    method: part.method,
    version: outer.version,
    path: path.startsWith('/') ? path : `/${path}`,
    search: question < 0 ? '' : part.url.slice(question + 1),
    headers: part.headers,
    body: part.body,
    root: outer.root,
  };
  const answer: Answer = await answerGraph(services, raw, caller, ids);
  answer.release();
  services.counters.answered(answer.reply.status);
  return answer.reply;
}
