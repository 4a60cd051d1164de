import { type PointRef, parsePointName, type Repository, type RestorePoint } from '@holdfast/repository';
import { UsageError } from '../errors.ts';

/** A mailbox as its newest restore point names it. */
export interface ReadMailbox {
  mailboxKey: string;
  identity: string;
  address: string;
  points: number;
  newest: PointRef;
  /** Items of the newest complete point. */
  items: number;
}

const isComplete = (ref: PointRef): boolean => ref.kind === 'full';

/** All mailboxes of the repository; one manifest each is read. */
export async function* mailboxes(repository: Repository): AsyncGenerator<ReadMailbox> {
  let of: PointRef[] = [];
  for await (const ref of repository.points()) {
    if (of[0] && of[0].mailboxKey !== ref.mailboxKey) {
      yield await describe(repository, of);
      of = [];
    }
    of.push(ref);
  }
  if (of.length > 0) yield await describe(repository, of);
}

async function describe(repository: Repository, refs: readonly PointRef[]): Promise<ReadMailbox> {
  const newest = refs.filter(isComplete).at(-1) ?? refs.at(-1);
  if (!newest) throw new RangeError('a mailbox without a restore point');
  const point = await repository.readPoint(newest);
  return {
    mailboxKey: newest.mailboxKey,
    identity: point.mailboxIdentity,
    address: point.mailboxAddress,
    points: refs.length,
    newest,
    items: point.counts.stored,
  };
}

/** A mailbox by its address (any case), the beginning of it, or its identity. @throws UsageError */
export async function findMailbox(repository: Repository, given: string): Promise<ReadMailbox> {
  const wanted = given.normalize('NFKC').toLowerCase();
  const near: ReadMailbox[] = [];
  for await (const mailbox of mailboxes(repository)) {
    const address = mailbox.address.toLowerCase();
    if (address === wanted || mailbox.identity === given || mailbox.mailboxKey === given) return mailbox;
    if (address.startsWith(wanted)) near.push(mailbox);
  }
  if (near.length === 1 && near[0]) return near[0];
  throw new UsageError(
    near.length === 0
      ? `the repository has no mailbox "${given}"`
      : `"${given}" is the beginning of ${near.length} addresses`,
    'See: holdfast-reader mailboxes',
  );
}

export const pointsOf = async (repository: Repository, mailboxKey: string): Promise<PointRef[]> =>
  Array.fromAsync(repository.points({ mailboxKey }));

export interface ChosenPoint {
  ref: PointRef;
  point: RestorePoint;
}

/**
 * A restore point: by its name or id, or by a mailbox its newest complete one, or with `before` the newest one that
 * is not later than that.
 *
 * @throws UsageError
 */
export async function choosePoint(
  repository: Repository,
  given: string,
  before: number | undefined,
): Promise<ChosenPoint> {
  const named = parsePointName(given);
  if (named) {
    const ref = { ...named, name: given };
    return { ref, point: await repository.readPoint(ref) };
  }
  if (/^[0-9a-f]{16,32}$/.test(given)) {
    for await (const ref of repository.points()) {
      if (ref.pointId === given) return { ref, point: await repository.readPoint(ref) };
    }
  }
  const mailbox = await findMailbox(repository, given);
  const all = await pointsOf(repository, mailbox.mailboxKey);
  const within = all.filter((ref) => before === undefined || ref.time <= before);
  const ref = within.filter(isComplete).at(-1) ?? within.at(-1);
  if (!ref) {
    const oldest = all[0] ? new Date(all[0].time).toISOString() : 'none';
    throw new UsageError(`${mailbox.address} has no restore point so early; the oldest is of ${oldest}`);
  }
  return { ref, point: await repository.readPoint(ref) };
}
