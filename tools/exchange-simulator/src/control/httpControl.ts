import type { Reply } from '../http/reply.ts';
import type { WireRequest } from '../http/server.ts';
import type { SimulatorControl } from './api.ts';

/** Where the control API lies; the rest of the path is the name of the operation. */
export const CONTROL_PATH = '/_simulator/';

/**
 * The control object over HTTP: `POST /_simulator/NAME` with a JSON array of arguments answers `{ "result": .. }`;
 * `messages` answers newline-delimited JSON. 404 for an unknown operation, 422 for one that was refused.
 */
export async function controlReply(control: SimulatorControl, request: WireRequest): Promise<Reply> {
  const name = request.path.slice(CONTROL_PATH.length);
  if (!Object.hasOwn(control, name)) return { status: 404, json: { error: `there is no operation ${name}` } };
  const operation = control[name as keyof SimulatorControl] as (...args: unknown[]) => unknown;
  let args: unknown;
  try {
    args = request.body.length === 0 ? [] : JSON.parse(request.body.toString());
  } catch {
    return { status: 400, json: { error: 'the body must be a JSON array of arguments' } };
  }
  if (!Array.isArray(args))
    return { status: 400, json: { error: 'the body must be a JSON array of arguments' } };
  try {
    // JSON has no undefined: a null argument is one that was left out, but setOutage takes null as a value.
    const given = name === 'setOutage' ? args : args.map((one) => one ?? undefined);
    if (name === 'messages')
      return {
        status: 200,
        headers: { 'content-type': 'application/x-ndjson' },
        lines: await started(control.messages(String(given[0]))),
      };
    return { status: 200, json: { result: (await operation(...given)) ?? null } };
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError)
      return { status: 422, json: { error: error.message } };
    throw error;
  }
}

/** Takes the first element, so that a refusal still becomes an error answer. */
async function started<T>(source: AsyncIterable<T>): Promise<AsyncIterable<T>> {
  const iterator = source[Symbol.asyncIterator]();
  let next = await iterator.next();
  return {
    async *[Symbol.asyncIterator]() {
      while (!next.done) {
        yield next.value;
        next = await iterator.next();
      }
    },
  };
}
