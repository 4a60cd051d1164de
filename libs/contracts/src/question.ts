import type { z } from 'zod';

/** A question over request/reply: who answers, what is sent, what comes back. Errors come back as error facts. */
export interface Question<Q extends z.ZodType, A extends z.ZodType> {
  service: 'sync' | 'restore' | 'retention' | 'scheduler';
  name: string;
  request: Q;
  reply: A;
}

export const question = <Q extends z.ZodType, A extends z.ZodType>(
  service: 'sync' | 'restore' | 'retention' | 'scheduler',
  name: string,
  request: Q,
  reply: A,
): Question<Q, A> => ({ service, name, request, reply });
