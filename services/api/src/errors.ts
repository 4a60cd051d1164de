import { HoldfastError, type HoldfastErrorOptions } from '@holdfast/contracts';

export interface HttpProblemOptions extends HoldfastErrorOptions {
  /** Headers that belong to the answer, such as `Allow`. */
  headers?: Readonly<Record<string, string>>;
}

/** A refusal with a status of its own. */
export class HttpProblem extends HoldfastError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, message: string, options: HttpProblemOptions = {}) {
    super(code, 'configuration', message, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** The thing a path names is not there. */
export class NotFound extends HttpProblem {
  constructor(what: string, id: string) {
    super(404, 'not-found', `there is no ${what} ${quote(id)}`, {
      remedy: `Check the id; the list of all shows what there is.`,
    });
  }
}

/** The request contradicts the state of things. */
export class Conflict extends HttpProblem {
  constructor(code: string, message: string, remedy: string) {
    super(409, code, message, { remedy });
  }
}

/** What a user sent, short enough for a message. */
export const quote = (text: string): string => `"${text.length > 80 ? `${text.slice(0, 80)}…` : text}"`;
