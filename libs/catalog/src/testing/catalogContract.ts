import { backlogContract } from './backlogContract.ts';
import type { OpenCatalog } from './openTestCatalog.ts';
import { rebuildContract } from './rebuildContract.ts';
import { searchContract } from './searchContract.ts';
import { timeContract } from './timeContract.ts';

/** What every catalog must do. Call it inside a `describe` of the adapter's test. */
export function catalogContract(open: OpenCatalog, options: { histories?: number } = {}): void {
  searchContract(open);
  timeContract(open);
  backlogContract(open);
  rebuildContract(open, options.histories ?? 20);
}
