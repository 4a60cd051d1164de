import { errorFacts } from '@holdfast/contracts';
import type { Clock, Logger } from '@holdfast/runtime';
import { watchCredentials } from './domain/watchCredentials.ts';
import { type WatchProxiesPorts, watchProxies } from './domain/watchProxies.ts';
import { LeadershipLost } from './leader.ts';
import type { OrganizationBook } from './ports.ts';

export interface WatchOptions {
  ports: WatchProxiesPorts & { organizations: OrganizationBook };
  clock: Clock;
  logger: Logger;
  over: AbortSignal;
  everyMs: number;
}

/** The events of a day have the same ids, so looking more often tells nothing twice. */
const credentialsEveryMs = 3_600_000;

/** Looks after what nobody else would notice: proxies that vanish, credentials that end. */
export async function startWatch({ ports, clock, logger, over, everyMs }: WatchOptions): Promise<void> {
  let credentialsAt = Number.NEGATIVE_INFINITY;
  const look = async (what: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      if (!over.aborted && !(error instanceof LeadershipLost)) {
        logger.warn({ error: errorFacts(error) }, `${what} could not be looked at; tried again`);
      }
      return false;
    }
  };
  while (!over.aborted) {
    await look('proxies', () => watchProxies(ports));
    if (clock.now() - credentialsAt >= credentialsEveryMs) {
      if (await look('credentials', () => watchCredentials(ports))) credentialsAt = clock.now();
    }
    await clock.sleep(everyMs, over);
  }
}
