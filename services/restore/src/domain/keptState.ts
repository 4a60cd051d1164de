import type { RestoreInput } from '@holdfast/contracts';
import type { ContentComparison, RestorableItem } from '@holdfast/exchange';

type Keep = RestoreInput['keep'];

/** The item with the state that is to come back; what is dropped is as on a new message. */
export function withKeptState(item: RestorableItem, keep: Keep): RestorableItem {
  return {
    ...item,
    state: {
      ...item.state,
      ...(keep.readState ? {} : { isRead: false }),
      ...(keep.flags ? {} : { flag: { flagStatus: 'notFlagged' } }),
      ...(keep.categories ? {} : { categories: [] }),
    },
  };
}

/** What is dropped is no difference to what is there. */
export const comparisonOf = (keep: Keep): ContentComparison => ({
  ignoring: [
    ...(keep.readState ? [] : ['isRead']),
    ...(keep.flags ? [] : ['flag']),
    ...(keep.categories ? [] : ['categories']),
  ],
});
