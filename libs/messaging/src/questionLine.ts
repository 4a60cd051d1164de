import { type ErrorClass, type ErrorFacts, errorFacts, HoldfastError } from '@holdfast/contracts';
import { errors, headers, type Msg } from '@nats-io/transport-node';
import { brokerError, isUnheard } from './brokerErrors.ts';
import type { Connection } from './connection.ts';
import { BrokerUnavailable, MessageTooLarge, NoAnswer } from './errors.ts';
import type { Log } from './log.ts';
import type { Names } from './names.ts';
import type { Messaging } from './ports.ts';
import { outgoingTrace, traceHeader, withinTrace } from './trace.ts';

export type Answer = { ok: unknown } | { error: ErrorFacts };

export interface QuestionLine extends Pick<Messaging, 'serve' | 'ask'> {}

/** Questions and answers over plain NATS; answerers of a subject share the questions. */
export function createQuestionLine(connection: Connection, names: Names, log: Log): QuestionLine {
  return {
    async serve(subject, handler) {
      await connection.whenReady();
      const answering = new Set<Promise<void>>();
      const subscription = connection.nc.subscribe(names.subject(subject), {
        queue: 'answers',
        callback: (error, message) => {
          if (error)
            return log.error({ error: brokerError(error, subject) }, 'a question could not be taken');
          const work = answer(connection, message, handler, log).finally(() => answering.delete(work));
          answering.add(work);
        },
      });
      await connection.nc.flush();
      return {
        async stop() {
          if (connection.ready) await subscription.drain();
          else subscription.unsubscribe();
          await Promise.all(answering);
        },
      };
    },
    async ask(subject, request, { timeoutMs }) {
      const full = names.subject(subject);
      const until = performance.now() + timeoutMs;
      try {
        await connection.whenReady(timeoutMs);
        const timeout = Math.max(until - performance.now(), 1);
        const head = headers();
        head.set(traceHeader, outgoingTrace());
        const reply = await connection.nc.request(full, JSON.stringify(request), { timeout, headers: head });
        return unwrap(reply.json<Answer>());
      } catch (error) {
        if (error instanceof HoldfastError && !(error instanceof BrokerUnavailable)) throw error;
        if (isUnheard(error)) throw new NoAnswer(full, 'no service is listening', error);
        if (error instanceof errors.TimeoutError) throw new NoAnswer(full, `${timeoutMs} ms passed`, error);
        throw new NoAnswer(full, brokerError(error, 'asking').message, error);
      }
    },
  };
}

/** What an answer says; an error of the answerer is thrown here with all its facts. */
export function unwrap(answer: Answer): unknown {
  if (!('error' in answer)) return answer.ok;
  const { code, errorClass, message, remedy } = answer.error;
  throw new HoldfastError(code, errorClass as ErrorClass, message, remedy === undefined ? {} : { remedy });
}

/** Never throws: what goes wrong is the answer. */
export async function answerOf(handler: () => Promise<unknown>): Promise<Answer> {
  try {
    return { ok: (await handler()) ?? null };
  } catch (error) {
    return { error: errorFacts(error) };
  }
}

async function answer(
  connection: Connection,
  message: Msg,
  handler: (request: unknown) => Promise<unknown>,
  log: Log,
): Promise<void> {
  const { subject } = message;
  const trace = message.headers?.get(traceHeader) || undefined;
  const reply = await withinTrace(trace, () => answerOf(async () => handler(message.json())));
  if ('error' in reply) log.warn({ subject, reason: reply.error }, 'a question was answered with an error');
  try {
    let text = JSON.stringify(reply);
    const limit = connection.nc.info?.max_payload ?? Number.POSITIVE_INFINITY;
    const bytes = Buffer.byteLength(text);
    if (bytes > limit) {
      text = JSON.stringify({
        error: errorFacts(new MessageTooLarge(`the answer to ${subject}`, bytes, limit)),
      });
    }
    message.respond(text);
  } catch (error) {
    log.warn({ error, subject }, 'an answer could not be sent');
  }
}
