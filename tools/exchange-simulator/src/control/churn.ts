import { asCreated } from '../graph/updateMessage.ts';
import type { Item } from '../mailbox/content.ts';
import { CreatedContent } from '../mailbox/createdContent.ts';
import { arrivingState } from '../mailbox/generatedBase.ts';
import { GeneratedContent } from '../mailbox/generatedContent.ts';
import { RECOVERABLE_DELETIONS } from '../mailbox/mailbox.ts';
import { hashText, mix, Random } from '../random.ts';
import type { World } from '../world.ts';
import type { Churn, ChurnResult } from './api.ts';
import type { Found } from './lookup.ts';

const FIRST_ADDED = 1_000_000;

/** Adds a generated message that arrives now. */
export function addGenerated(world: World, found: Found, folder: number): Item {
  const { tenant, user, mailbox } = found;
  const now = Math.floor(world.state.clock.now() / 1000) * 1000;
  const facts = tenant.corpus.facts(user.index, FIRST_ADDED + mailbox.sequence);
  const content = new GeneratedContent({ ...facts, sentAt: now - 5000, receivedAt: now });
  return mailbox.create(
    folder,
    content,
    arrivingState(now, facts.importance, false),
    facts.internetMessageId,
  );
}

/** Gives a message another body. */
export async function reviseBody(world: World, found: Found, item: Item): Promise<void> {
  const { mailbox } = found;
  const revision = item.state.version;
  let content = item.content;
  if (content instanceof GeneratedContent) content = content.revised(revision);
  else {
    const before = await asCreated({ state: world.state, mailbox }, item);
    content = new CreatedContent(world.state.spool, {
      ...before,
      body: `${before.body}\r\nrevision ${revision}`,
    });
  }
  mailbox.change(item.n, world.state.clock.now(), { content });
}

/** Draws a message of a visible folder, each as likely as another. */
function draw(found: Found, random: Random): Item | undefined {
  const { mailbox } = found;
  const folders = mailbox
    .allFolders()
    .filter((folder) => !folder.isSearchFolder && mailbox.totalCount(folder.number) > 0);
  let rank = random.below(folders.reduce((sum, folder) => sum + mailbox.totalCount(folder.number), 0));
  for (const folder of folders) {
    const count = mailbox.totalCount(folder.number);
    if (rank < count) return mailbox.item(mailbox.contents(folder.number).at(rank));
    rank -= count;
  }
  return undefined;
}

/** Carries out a churn: new, changed (state and body in turn), moved and deleted messages. */
export async function churn(world: World, found: Found, wanted: Churn): Promise<ChurnResult> {
  const { mailbox } = found;
  const random = new Random(mix(hashText(`${world.seed} churn ${found.user.id}`), mailbox.sequence));
  const id = (item: Item) => mailbox.ids.message(item.n, 0, true);
  const result = {
    new: [] as string[],
    changed: [] as string[],
    moved: [] as string[],
    deleted: [] as string[],
  };
  for (let at = 0; at < (wanted.deleted ?? 0); at++) {
    const item = draw(found, random);
    if (!item) break;
    mailbox.move(item.n, RECOVERABLE_DELETIONS, world.state.clock.now());
    result.deleted.push(id(item));
  }
  for (let at = 0; at < (wanted.moved ?? 0); at++) {
    const item = draw(found, random);
    if (!item) break;
    const targets = mailbox
      .allFolders()
      .filter((folder) => folder.number !== item.folder && !folder.isSearchFolder && !folder.isHidden);
    mailbox.move(item.n, random.pick(targets).number, world.state.clock.now());
    result.moved.push(id(item));
  }
  for (let at = 0; at < (wanted.changed ?? 0); at++) {
    const item = draw(found, random);
    if (!item) break;
    if (at % 2 === 0)
      mailbox.change(item.n, world.state.clock.now(), {
        state: {
          isRead: !item.state.isRead,
          categories: [...item.state.categories, `Churn ${mailbox.sequence}`],
        },
      });
    else await reviseBody(world, found, item);
    result.changed.push(id(item));
  }
  for (let at = 0; at < (wanted.new ?? 0); at++) result.new.push(id(addGenerated(world, found, 1)));
  return result;
}
