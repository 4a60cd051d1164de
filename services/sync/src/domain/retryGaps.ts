import type { Gap } from '@holdfast/contracts';
import { applyChanges } from './applyChanges.ts';
import { itemTroubleOf } from './itemOutcome.ts';
import type { MailboxWork } from './mailboxWork.ts';

/** Gaps tried in one run beyond this wait for the next: a mailbox with thousands must not spend its run on them. */
const triesOfARun = 1000;

/** Tries the gaps that are due: stored ones are healed, vanished ones dropped, the others pause longer. */
export async function retryGaps(work: MailboxWork, due: readonly Gap[]): Promise<void> {
  for (const gap of due.slice(0, triesOfARun)) {
    // Healed or renewed by the changes of this run already.
    if (work.gaps.get(gap.itemKey) !== gap) continue;
    await retryGap(work, gap);
    await work.pause();
  }
}

async function retryGap(work: MailboxWork, gap: Gap): Promise<void> {
  try {
    const listed = await work.reader.item(gap.itemKey);
    await applyChanges(work, gap.folderId, [listed]);
  } catch (error) {
    const trouble = itemTroubleOf(error);
    if (trouble === 'vanished') work.gaps.dropItem(gap.itemKey, gap.folderId);
    else if (trouble === 'fatal') throw error;
    else work.gaps.record({ ...gap, subject: gap.subject }, error, work.clock.now());
  }
}
