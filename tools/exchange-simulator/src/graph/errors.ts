import type { Reply } from '../http/reply.ts';

/** An error answer of Graph. */
export class GraphError extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Answer without a body, as gateways in front of Graph do. */
  readonly empty: boolean;

  constructor(
    status: number,
    code: string,
    message: string,
    extra: { headers?: Readonly<Record<string, string>>; empty?: boolean } = {},
  ) {
    super(message);
    this.name = 'GraphError';
    this.status = status;
    this.code = code;
    this.headers = extra.headers ?? {};
    this.empty = extra.empty ?? false;
  }
}

export const badRequest = (message: string, code = 'BadRequest') => new GraphError(400, code, message);
export const itemNotFound = () =>
  new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.');
export const malformedId = () => new GraphError(400, 'ErrorInvalidIdMalformed', 'Id is malformed.');
export const accessDenied = () =>
  new GraphError(403, 'ErrorAccessDenied', 'Access is denied. Check credentials and try again.');
export const directoryDenied = () =>
  new GraphError(403, 'Authorization_RequestDenied', 'Insufficient privileges to complete the operation.');
export const methodNotAllowed = (method: string) =>
  new GraphError(405, 'Request_BadRequest', `The method '${method}' is not allowed on this resource.`);
export const resourceNotFound = (segment: string) =>
  new GraphError(400, 'BadRequest', `Resource not found for the segment '${segment}'.`);

/** Turns an error into the answer that Graph would send. */
export function errorReply(
  error: GraphError,
  ids: { requestId: string; clientRequestId: string },
  now: number,
): Reply {
  if (error.empty) return { status: error.status, headers: error.headers };
  return {
    status: error.status,
    headers: { ...error.headers, 'content-type': 'application/json' },
    json: {
      error: {
        code: error.code,
        message: error.message,
        innerError: {
          date: new Date(now).toISOString().slice(0, 19),
          'request-id': ids.requestId,
          'client-request-id': ids.clientRequestId,
        },
      },
    },
  };
}

/** A full mailbox takes nothing more; changes of what is there, and deletions, are taken. */
export function refuseWhenFull({ user }: { readonly user: { readonly kind: string } }): void {
  if (user.kind === 'full')
    throw new GraphError(507, 'ErrorQuotaExceeded', 'The mailbox has exceeded its quota.');
}
