import { Interrupted, SessionTaken } from '../errors.ts';
import type { InterruptionCheck } from '../ports.ts';

/** Asked between items. @throws SessionTaken, Interrupted */
export async function checkInterruption(ports: {
  leaseLost: AbortSignal;
  interruption: InterruptionCheck;
}): Promise<void> {
  if (ports.leaseLost.aborted) throw new SessionTaken('the lease was lost', ports.leaseLost.reason);
  const reason = await ports.interruption();
  if (reason !== undefined) throw new Interrupted(reason);
}
