import type { Mailbox, Organization, RepositoryRecord, RestorePart } from '@holdfast/contracts';
import type { MailboxWriter, UsedConnector } from '@holdfast/exchange';
import type { Collection } from '@holdfast/store';
import { RestoreRefused } from '../errors.ts';
import type { PointContents } from '../ports.ts';
import type { PointHub } from './pointHub.ts';

/** A part ready to be worked on: its restore point and its target. */
export interface OpenedPart {
  point: PointContents;
  writer: MailboxWriter;
  /** Id of the target mailbox in the control data. */
  targetMailboxId: string;
  /** The target is the mailbox that was backed up. */
  sameMailbox: boolean;
  close(): Promise<void>;
}

export interface OpenPartDeps {
  mailboxes: Collection<Mailbox>;
  organization: (id: string) => Promise<Organization | undefined>;
  repository: (id: string) => Promise<RepositoryRecord | undefined>;
  useConnector: (organization: Organization) => UsedConnector;
  points: PointHub;
}

/** @throws RestoreRefused naming what is missing and what can be chosen instead; what the mailbox refuses */
export async function openPart(
  deps: OpenPartDeps,
  part: RestorePart,
  signal: AbortSignal,
): Promise<OpenedPart> {
  const { organization, repository, mailbox } = await placeOf(deps, part);
  const releases: (() => Promise<void>)[] = [];
  const close = async () => {
    for (let release = releases.pop(); release !== undefined; release = releases.pop()) await release();
  };
  try {
    const point = await deps.points.use(repository, part.pointName);
    releases.push(() => point.release());
    const used = deps.useConnector(organization);
    releases.push(() => used.release());
    const abort = new AbortController();
    const writer = await used.connector.writer(
      { userId: mailbox.userId, address: mailbox.address },
      { signal: AbortSignal.any([abort.signal, signal]) },
    );
    releases.push(async () => {
      abort.abort();
      await writer.close();
    });
    return {
      ...{ point: point.contents, writer, targetMailboxId: mailbox.id },
      sameMailbox: mailbox.id === part.mailboxId,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Place {
  organization: Organization;
  repository: RepositoryRecord;
  mailbox: Mailbox;
}

async function placeOf(deps: OpenPartDeps, part: RestorePart): Promise<Place> {
  const organization = await deps.organization(part.targetOrganizationId);
  const repository = await deps.repository(part.repositoryId);
  if (organization === undefined) {
    throw new RestoreRefused(
      'organization-not-found',
      'The organization of the target mailbox was removed.',
      'Add the organization again, or restore into another one.',
    );
  }
  if (repository === undefined) {
    throw new RestoreRefused(
      'repository-not-found',
      'The repository of the restore point was removed.',
      'Attach the repository again, then restore.',
    );
  }
  return { organization, repository, mailbox: await targetMailbox(deps, part) };
}

/** The original mailbox by its directory id, another one by its address. */
async function targetMailbox({ mailboxes }: OpenPartDeps, part: RestorePart): Promise<Mailbox> {
  const wanted = part.targetMailboxAddress;
  if (wanted === undefined) {
    const original = (await mailboxes.get(part.mailboxId))?.doc;
    if (original?.status === 'active') return original;
    throw new RestoreRefused(
      'mailbox-gone',
      `The mailbox ${part.mailboxAddress} is not in the directory any more.`,
      'Name another mailbox, of this or of another organization, as the target, or export; if the mailbox was brought back, refresh the inventory.',
    );
  }
  for (const address of new Set([wanted, wanted.toLowerCase()])) {
    const where = { organizationId: part.targetOrganizationId, address };
    const { items } = await mailboxes.find({ where, limit: 100 });
    const found = items.find(({ doc }) => doc.status === 'active');
    if (found !== undefined) return found.doc;
  }
  throw new RestoreRefused(
    'target-not-found',
    `There is no mailbox ${wanted} in the organization.`,
    'Check the address, or refresh the inventory if the mailbox is new.',
  );
}
