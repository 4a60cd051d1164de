/** No pause is trusted beyond this: a wrong date must not put a mailbox to sleep for days. */
export const longestPauseMs = 60 * 60_000;

/**
 * The pause a `Retry-After` header asks for, in ms: whole seconds, fractional seconds (Exchange sends `2.128`) or
 * an HTTP date. Undefined when there is none or it says nothing.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1000), longestPauseMs);
  if (!/[A-Za-z]/.test(text)) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) return undefined;
  return Math.min(Math.max(time - nowMs, 0), longestPauseMs);
}
