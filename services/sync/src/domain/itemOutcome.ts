import { classOf } from '@holdfast/contracts';
import { hasCode } from '../errors.ts';

/** What becomes of an item whose content could not be stored. */
export type ItemTrouble =
  /** It is gone; not a fault. */
  | 'vanished'
  /** It will not work: into the gap ledger, the mailbox goes on. */
  | 'gap'
  /** It may be the item or the moment: one more try, then the attempt decides. */
  | 'later'
  /** It is not about this item. */
  | 'fatal';

/** Errors of our own side that look transient but say nothing about the item. */
const notTheItem = ['session-lost', 'store-transient', 'budget-lost', 'mailbox-taken', 'interrupted'];

/** Decides about an error of reading or storing one item. */
export function itemTroubleOf(error: unknown): ItemTrouble {
  if (hasCode(error, ...notTheItem)) return 'fatal';
  switch (classOf(error)) {
    case 'vanished':
      return 'vanished';
    case 'permanent-item':
      return 'gap';
    case 'transient':
    case 'ours':
      return 'later';
    case 'throttled':
    case 'forbidden':
    case 'permanent-mailbox':
    case 'configuration':
      return 'fatal';
  }
}
