import type { OpenBroker } from './contractFixture.ts';
import { coordinationContract } from './coordinationContract.ts';
import { eventContract } from './eventContract.ts';
import { questionContract } from './questionContract.ts';
import { taskContract } from './taskContract.ts';

export { type ContractBroker, contractTimes, type OpenBroker } from './contractFixture.ts';

/**
 * What every messaging must do. Call it inside a `describe` of the adapter's test.
 *
 * @param open makes an empty broker for each test, whose connections use `contractTimes`
 */
export function messagingContract(open: OpenBroker): void {
  taskContract(open);
  eventContract(open);
  coordinationContract(open);
  questionContract(open);
}
