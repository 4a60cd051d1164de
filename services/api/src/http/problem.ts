import { classOf, type ErrorClass, HoldfastError, InvalidInput } from '@holdfast/contracts';
import { z } from 'zod';
import { HttpProblem } from '../errors.ts';

/** RFC 9457, with the code, the remedy and the wrong fields. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  code: z.string(),
  remedy: z.string().optional(),
  /** Id of the request, as in the log. */
  instance: z.string(),
  problems: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof problemSchema>;

export interface ProblemAnswer {
  status: number;
  headers: Record<string, string>;
  body: Problem;
}

const statusOfClass: Record<ErrorClass, number> = {
  configuration: 422,
  forbidden: 403,
  transient: 503,
  throttled: 503,
  vanished: 404,
  'permanent-item': 422,
  'permanent-mailbox': 422,
  ours: 500,
};

const statusOfCode: Readonly<Record<string, number>> = {
  'already-exists': 409,
  'version-conflict': 409,
};

const titles: Readonly<Record<number, string>> = {
  400: 'The request cannot be read',
  401: 'Sign-in needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'This method is not answered here',
  406: 'This form of answer is not available',
  409: 'This contradicts the present state',
  412: 'Changed by somebody else in the meantime',
  413: 'The request is too large',
  415: 'This content type is not understood',
  422: 'The input was refused',
  428: 'The version to change must be named',
  429: 'Too many failed sign-ins',
  500: 'A defect of Holdfast',
  503: 'Not available at the moment',
};

/** Errors that express and its body parser throw, by their `type`. */
const parserErrors: Readonly<Record<string, [code: string, detail: string, remedy: string]>> = {
  'entity.parse.failed': ['malformed-json', 'the body is not JSON', 'Send one JSON object.'],
  'entity.too.large': ['body-too-large', 'the body is larger than allowed', 'Send it in smaller parts.'],
  'encoding.unsupported': [
    'unsupported-encoding',
    'the encoding of the body is not understood',
    'Use gzip or none.',
  ],
  'charset.unsupported': ['unsupported-charset', 'the charset of the body is not understood', 'Send UTF-8.'],
  'request.aborted': ['request-aborted', 'the request ended early', 'Send it again.'],
  'request.size.invalid': ['body-length', 'the body is not as long as it said', 'Send it again.'],
};

const unreadable = [
  'bad-request',
  'the request cannot be read',
  'Check its address and its headers.',
] as const;

function fromTransport(error: unknown): HoldfastError | undefined {
  const { status, type } = (error ?? {}) as { status?: unknown; type?: unknown };
  if (typeof status !== 'number' || status < 400 || status > 499) return undefined;
  const [code, detail, remedy] = parserErrors[String(type)] ?? unreadable;
  return new HttpProblem(status, code, detail, { remedy, cause: error });
}

function translate(error: unknown): unknown {
  if (!(error instanceof HoldfastError)) return fromTransport(error) ?? error;
  if (error.code !== 'no-answer') return error;
  return new HttpProblem(503, 'no-proxy-online', 'no worker is online that could answer this', {
    remedy:
      'Start a worker of this pool (services sync and restore) and see GET /api/v1/proxies, then repeat.',
    headers: { 'retry-after': '5' },
    cause: error,
  });
}

/** Makes the answer of any thrown value. What nobody classified tells the user only the id of the log line. */
export function problemOf(thrown: unknown, requestId: string): ProblemAnswer {
  const error = translate(thrown);
  const known = error instanceof HoldfastError && classOf(error) !== 'ours' ? error : undefined;
  const status =
    known instanceof HttpProblem
      ? known.status
      : known === undefined
        ? 500
        : (statusOfCode[known.code] ?? statusOfClass[known.errorClass]);
  const code = known?.code ?? 'unexpected';
  const remedy =
    known === undefined ? `Please report it with the log lines of request ${requestId}.` : known.remedy;
  const headers: Record<string, string> = known instanceof HttpProblem ? { ...known.headers } : {};
  if (status === 503) headers['retry-after'] ??= '5';
  return {
    status,
    headers,
    body: {
      type: `urn:holdfast:problem:${code}`,
      title: titles[status] ?? 'The request failed',
      status,
      detail: known?.message ?? 'an unexpected error; nothing more is known here',
      code,
      ...(remedy === undefined ? {} : { remedy }),
      instance: `urn:holdfast:request:${requestId}`,
      ...(known instanceof InvalidInput ? { problems: [...known.problems] } : {}),
    },
  };
}
