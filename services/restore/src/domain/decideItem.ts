import type { RestoreInput } from '@holdfast/contracts';
import type { Likeness } from './existingItems.ts';

export type ConflictPolicy = Pick<RestoreInput, 'onConflict' | 'only'>;

/** What is to be done with one item, and why nothing is where that is so. */
export interface Decision {
  action: 'create' | 'skip' | 'overwrite' | 'rename';
  reason?: string;
}

/** An item of the backup seen in the target mailbox. */
export interface LiveView {
  /** In the folder where it would go. */
  here: Likeness;
  /** In another folder of the mailbox; asked for only when the policy needs it. */
  elsewhere: () => Likeness;
}

/** True when the policy depends on whether an item that is there looks the same. */
export const comparesContents = ({ onConflict, only }: ConflictPolicy): boolean =>
  only === 'missing-or-changed' || (only === 'all' && onConflict === 'overwrite');

/** True when the policy depends on what other folders hold. */
export const looksElsewhere = ({ only }: ConflictPolicy): boolean => only !== 'all';

const skip = (reason: string): Decision => ({ action: 'skip', reason });
const thereAlready = skip('It is there.');
const thereAndEqual = skip('It is there and looks the same.');
export const severalThere = skip('Several items are there that could be meant; none of them was replaced.');
const inAnotherFolder = skip('It is in another folder of the mailbox.');

/** The conflict matrix of docs/restore.md, as a function. */
export function decideItem({ onConflict, only }: ConflictPolicy, { here, elsewhere }: LiveView): Decision {
  if (here === 'none') {
    if (only === 'all') return { action: 'create' };
    const found = elsewhere();
    if (found === 'none' || (found === 'different' && only === 'missing-or-changed'))
      return { action: 'create' };
    return inAnotherFolder;
  }
  if (only === 'missing') return thereAlready;
  if (here === 'equal' && (only === 'missing-or-changed' || onConflict === 'overwrite')) return thereAndEqual;
  // Which of them it would replace cannot be told, so none is taken away.
  if (here === 'several' && onConflict === 'overwrite') return severalThere;
  return onConflict === 'skip' ? thereAlready : { action: onConflict };
}
