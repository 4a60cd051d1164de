import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

/** Header of the W3C trace context (https://www.w3.org/TR/trace-context/). */
export const traceHeader = 'traceparent';

const current = new AsyncLocalStorage<string>();
const shape = /^00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})$/;

/** The trace context of the message in hand, for log lines; undefined outside of handlers. */
export const currentTrace = (): string | undefined => current.getStore();

/** Context of a message to be sent: a new span of the current trace, or of a new trace. */
export function outgoingTrace(): string {
  const [, trace, flags] = shape.exec(current.getStore() ?? '') ?? [];
  return `00-${trace ?? randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-${flags ?? '01'}`;
}

/** Runs a handler within the trace of its message, so that what it publishes belongs to it. */
export function withinTrace<T>(incoming: string | undefined, work: () => Promise<T>): Promise<T> {
  return current.run(incoming !== undefined && shape.test(incoming) ? incoming : outgoingTrace(), work);
}
