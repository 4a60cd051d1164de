import {
  type FieldProblem,
  InvalidInput,
  type Mailbox,
  noRestoreProgress,
  type RestoreInput,
  type RestorePart,
  type RestorePointRecord,
  type RestoreSession,
  restorePartIdOf,
} from '@holdfast/contracts';

/** One mailbox of a request, and the restore point that was named for it. */
export interface RestoreSource {
  mailboxId: string;
  pointId: string | undefined;
  /** Where the request names it, for a refusal. */
  field: { mailbox: string; point: string };
}

/** What the control data knows of a source. */
export interface SourceFacts {
  source: RestoreSource;
  /** The mailbox that was backed up, as the last inventory knows it. */
  mailbox: Mailbox | undefined;
  /** The chosen restore point, or the newest complete one. */
  point: RestorePointRecord | undefined;
}

export interface RestoreFacts {
  kind: RestoreSession['kind'];
  input: RestoreInput;
  sources: SourceFacts[];
  repositoryKnown: boolean;
  /** Ids of the organizations that there are, of those in question. */
  organizations: ReadonlySet<string>;
  /** The mailbox with the wanted address, when another one is wanted. */
  target: Mailbox | undefined;
}

/** The mailboxes of a request, in order: the one, the listed ones, or those of the items of a search. */
export function sourcesOf({ mailboxId, pointId, sources, selection }: RestoreInput): RestoreSource[] {
  if (selection.kind === 'search') {
    const found = new Map<string, RestoreSource>();
    for (const [index, item] of selection.items.entries()) {
      const key = JSON.stringify([item.mailboxId, item.pointId]);
      const field = `selection.items.${index}`;
      if (found.has(key)) continue;
      found.set(key, {
        ...{ mailboxId: item.mailboxId, pointId: item.pointId },
        field: { mailbox: `${field}.mailboxId`, point: `${field}.pointId` },
      });
    }
    return [...found.values()];
  }
  if (sources !== undefined) {
    return sources.map((source, index) => ({
      ...{ mailboxId: source.mailboxId, pointId: source.pointId },
      field: { mailbox: `sources.${index}.mailboxId`, point: `sources.${index}.pointId` },
    }));
  }
  return mailboxId === undefined
    ? []
    : [{ mailboxId, pointId, field: { mailbox: 'mailboxId', point: 'pointId' } }];
}

/** The organization that is written to for a source. */
export const targetOrganizationOf = (
  { target }: RestoreInput,
  { mailbox, point }: Pick<SourceFacts, 'mailbox' | 'point'>,
): string | undefined => target.organizationId ?? mailbox?.organizationId ?? point?.organizationId;

const inventoryHint = 'refresh the inventory if it is new';
const choices =
  'name another mailbox (target.mailboxAddress), also one of another organization (target.organizationId), or export the items';

function targetProblem(facts: RestoreFacts): FieldProblem | undefined {
  const field = 'target.mailboxAddress';
  const wanted = facts.input.target.mailboxAddress;
  if (wanted === undefined) {
    const gone = facts.sources.filter(
      ({ mailbox, point }) => mailbox?.status !== 'active' && (mailbox !== undefined || point !== undefined),
    );
    const [first] = gone;
    if (first === undefined) return undefined;
    const address = first.mailbox?.address ?? first.point?.mailboxAddress;
    const which = facts.sources.length === 1 ? 'the original mailbox' : `the original mailbox ${address}`;
    return { field, message: `is missing: ${which} is gone, so ${choices}` };
  }
  if (facts.target?.status === 'active') return undefined;
  const why = facts.target === undefined ? `is no mailbox of the organization; ${inventoryHint}` : 'is gone';
  return { field, message: why };
}

function sourceProblems(facts: RestoreFacts, of: SourceFacts): FieldProblem[] {
  const { source, mailbox, point } = of;
  if (mailbox === undefined && point === undefined) {
    return [{ field: source.field.mailbox, message: 'there is no mailbox with this id' }];
  }
  const problems: FieldProblem[] = [];
  if (point === undefined) {
    const none = 'the mailbox has no complete restore point in this repository yet';
    const unknown = 'is no restore point of this mailbox in this repository';
    problems.push({ field: source.field.point, message: source.pointId === undefined ? none : unknown });
  }
  if (facts.kind === 'export' || facts.input.target.organizationId !== undefined) return problems;
  const organization = targetOrganizationOf(facts.input, of);
  if (organization === undefined || !facts.organizations.has(organization)) {
    const message = 'its organization was removed; add it again first, or name another one as the target';
    problems.push({ field: source.field.mailbox, message });
  }
  return problems;
}

/** Every reason why a restore cannot be asked for, field by field. */
export function restoreProblems(facts: RestoreFacts): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!facts.repositoryKnown) {
    problems.push({ field: 'repositoryId', message: 'there is no repository with this id' });
  }
  const { organizationId } = facts.input.target;
  if (organizationId !== undefined && !facts.organizations.has(organizationId)) {
    problems.push({ field: 'target.organizationId', message: 'there is no organization with this id' });
    return problems;
  }
  for (const source of facts.sources) problems.push(...sourceProblems(facts, source));
  // An export writes to no mailbox, so it does not matter which of them are still there.
  if (facts.kind === 'export') return problems;
  const known = facts.sources.some(({ mailbox, point }) => mailbox !== undefined || point !== undefined);
  const target = known ? targetProblem(facts) : undefined;
  if (target !== undefined) problems.push(target);
  return problems;
}

/** Names of a path; `\/` is a slash within a name. */
export function folderNames(path: string | undefined): string[] {
  const names = (path ?? '').match(/(?:\\.|[^/\\]|\\$)+/g) ?? [];
  return names.map((name) => name.replace(/\\(.)/g, '$1').trim()).filter((name) => name !== '');
}

interface Request {
  id: string;
  by: string;
  at: string;
  pool: string;
}

/** The session as the API asks for it, with a part for each mailbox; the restore service owns both from there. @throws InvalidInput */
export function requestedRestore(
  facts: RestoreFacts,
  request: Request,
): { session: RestoreSession; parts: RestorePart[] } {
  const problems = restoreProblems(facts);
  if (problems.length > 0) throw new InvalidInput(problems);
  const parts = facts.sources.flatMap((source, part) => partOf(facts, request, source, part));
  const [first] = parts;
  if (first === undefined) throw new InvalidInput([{ field: 'mailboxId', message: 'is missing' }]);
  const { organizationId, mailboxId, mailboxAddress, targetOrganizationId, targetAddress } = first;
  return {
    parts,
    session: {
      ...{ id: request.id, kind: facts.kind, state: 'requested', input: facts.input },
      ...{ organizationId, mailboxId, mailboxAddress, targetOrganizationId, targetAddress },
      ...{ pointId: first.pointId, pointName: first.pointName, pointTime: first.pointTime },
      ...{ parts: parts.length, pool: request.pool, requestedBy: request.by, requestedAt: request.at },
      ...{ epoch: 0, progress: noRestoreProgress, cancelRequested: false, pauseRequested: false },
    },
  };
}

function partOf(
  { input, sources, target }: RestoreFacts,
  request: Request,
  { source, mailbox, point }: SourceFacts,
  part: number,
): RestorePart[] {
  const targetOrganizationId = targetOrganizationOf(input, { mailbox, point });
  if (point === undefined || targetOrganizationId === undefined) return [];
  const original = mailbox?.address ?? point.mailboxAddress;
  const elsewhere = input.target.mailboxAddress !== undefined;
  const above = folderNames(input.target.folderPath);
  // Several mailboxes in one would be mixed: each gets a folder of its own.
  const shared = elsewhere && new Set(sources.map((one) => one.source.mailboxId)).size > 1;
  return [
    {
      ...{ id: restorePartIdOf(request.id, part), sessionId: request.id, part, state: 'waiting', items: 0 },
      ...{ organizationId: point.organizationId, repositoryId: point.repositoryId },
      ...{ mailboxId: source.mailboxId, mailboxAddress: original, targetOrganizationId },
      ...{ pointId: point.pointId, pointName: point.pointName, pointTime: point.time },
      ...(source.pointId === undefined ? {} : { requestedPoint: source.pointId }),
      ...(elsewhere && target !== undefined ? { targetMailboxAddress: target.address } : {}),
      targetAddress: elsewhere ? (target?.address ?? original) : original,
      targetFolder: shared ? [...above, original] : above,
    },
  ];
}
