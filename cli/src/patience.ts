import type { Io } from './context.ts';
import { ApiRefused, Unreachable } from './errors.ts';

const patienceMs = 60_000;
const pauseMs = 1_000;

const mayPass = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof ApiRefused && error.problem.status >= 500);

/** Asks again for up to a minute while the API is away, as when it is started anew during a run. */
export async function patiently<T>(io: Io, ask: () => Promise<T>): Promise<T> {
  const limit = io.now() + patienceMs;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!mayPass(error) || io.now() > limit) throw error;
      await io.sleep(pauseMs);
    }
  }
}
