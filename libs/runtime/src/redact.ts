import { errorFacts } from '@holdfast/contracts';

const secretKey =
  /(secret|password|passphrase|passwd|authori[sz]ation|credential|cookie|token|private_?key|api_?key|sealed|encryption_?key)/i;
const userInUrl = /([a-z][a-z0-9+.-]*:\/\/)[^/\s:@]*:[^/\s@]*@/gi;
const bearer = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/g;
const deepest = 8;

/** A text without the passwords of addresses (`mongodb://user:password@host`) and without authorization values. */
export function redactText(text: string): string {
  return text.replaceAll(userInUrl, '$1***@').replaceAll(bearer, '$1 ***');
}

/**
 * A copy of a value for the log. Under a key that sounds like a secret every text or object becomes `***` (numbers
 * and booleans stay: `tokens: 3` is a count); errors become their facts, stack and causes.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return value;
  if (depth >= deepest) return '(deeper)';
  if (value instanceof Error) return redactError(value, depth);
  if (value instanceof Date) return value.toISOString();
  if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
  if (Array.isArray(value)) return value.map((entry) => redact(entry, depth + 1));
  if (value instanceof Map) return redact(Object.fromEntries(value), depth);
  if (value instanceof Set) return redact([...value], depth);
  return redactFields(value, depth);
}

/** `redact` for the fields of a log line. */
export function redactFields(fields: object, depth = 0): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(fields)) {
    const hidden = secretKey.test(key) && entry !== null && ['string', 'object'].includes(typeof entry);
    clean[key] = hidden ? '***' : redact(entry, depth + 1);
  }
  return clean;
}

function redactError(error: Error, depth: number): Record<string, unknown> {
  const { message, ...facts } = errorFacts(error);
  const details = 'details' in error ? { details: redact(error.details, depth + 1) } : {};
  const cause = error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) };
  const stack = error.stack === undefined ? {} : { stack: redactText(error.stack) };
  return { name: error.name, ...facts, message: redactText(message), ...details, ...stack, ...cause };
}
