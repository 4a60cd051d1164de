import {
  type Answered,
  type Asked,
  HoldfastError,
  type QuestionName,
  questionSubject,
  questions,
} from '@holdfast/contracts';
import type { Messaging, Running } from './ports.ts';

/**
 * Asks one of the questions of the contracts; the request and the reply are checked against their schemas.
 *
 * @throws HoldfastError with the facts the answerer sent; `no-answer` (transient) when nobody is there;
 *   `wrong-request` or `wrong-answer` (ours) when a side does not keep to the schema.
 */
export async function askQuestion<N extends QuestionName>(
  messaging: Pick<Messaging, 'ask'>,
  pool: string,
  name: N,
  request: Asked<N>,
  options: { timeoutMs: number },
): Promise<Answered<N>> {
  const question = questions[name];
  const checked = check(question.request.safeParse(request), 'wrong-request', `the request of ${name}`);
  const subject = questionSubject(question.service, pool, question.name);
  const reply = await messaging.ask(subject, checked, options);
  return check(question.reply.safeParse(reply), 'wrong-answer', `the answer to ${name}`) as Answered<N>;
}

/** Answers one of the questions of the contracts for a pool. */
export function serveQuestion<N extends QuestionName>(
  messaging: Pick<Messaging, 'serve'>,
  pool: string,
  name: N,
  handler: (request: Asked<N>) => Promise<Answered<N>>,
): Promise<Running> {
  const question = questions[name];
  return messaging.serve(questionSubject(question.service, pool, question.name), async (json) => {
    const request = check(question.request.safeParse(json), 'wrong-request', `the request of ${name}`);
    const reply = await handler(request as Asked<N>);
    return check(question.reply.safeParse(reply), 'wrong-answer', `the answer to ${name}`);
  });
}

type Parsed = { success: true; data: unknown } | { success: false; error: { message: string } };

function check(parsed: Parsed, code: string, what: string): unknown {
  if (parsed.success) return parsed.data;
  throw new HoldfastError(code, 'ours', `${what} is not as agreed: ${parsed.error.message}`, {
    remedy: 'Run the same release of all services; if so, please report this.',
  });
}
