import {
  type FieldProblem,
  InvalidInput,
  type Mailbox,
  type RestoreInput,
  type RestorePointRecord,
  type RestoreSession,
} from '@holdfast/contracts';

export interface RestoreFacts {
  input: RestoreInput;
  /** The mailbox that was backed up, as the last inventory knows it. */
  mailbox: Mailbox | undefined;
  /** The chosen restore point, or the newest complete one. */
  point: RestorePointRecord | undefined;
  repositoryKnown: boolean;
  organizationKnown: boolean;
  /** The mailbox with the wanted address, when another one is wanted. */
  target: Mailbox | undefined;
}

const inventoryHint = 'refresh the inventory if it is new';

function targetProblem(facts: RestoreFacts): FieldProblem | undefined {
  const field = 'target.mailboxAddress';
  const wanted = facts.input.target.mailboxAddress;
  if (wanted === undefined) {
    if (facts.mailbox?.status === 'active') return undefined;
    const message = 'is missing: the original mailbox is gone, so name another one of the organization';
    return { field, message };
  }
  if (facts.target?.status === 'active') return undefined;
  const why = facts.target === undefined ? `is no mailbox of the organization; ${inventoryHint}` : 'is gone';
  return { field, message: why };
}

/** Every reason why a restore cannot be asked for, field by field. */
export function restoreProblems(facts: RestoreFacts): FieldProblem[] {
  const { input, point } = facts;
  const problems: FieldProblem[] = [];
  if (!facts.repositoryKnown) {
    problems.push({ field: 'repositoryId', message: 'there is no repository with this id' });
  }
  if (facts.mailbox === undefined && point === undefined) {
    problems.push({ field: 'mailboxId', message: 'there is no mailbox with this id' });
    return problems;
  }
  if (point === undefined) {
    const none = 'the mailbox has no complete restore point in this repository yet';
    const unknown = 'is no restore point of this mailbox in this repository';
    problems.push({ field: 'pointId', message: input.pointId === undefined ? none : unknown });
  }
  if (!facts.organizationKnown) {
    problems.push({ field: 'mailboxId', message: 'its organization was removed; add it again first' });
  }
  const target = targetProblem(facts);
  if (target !== undefined) problems.push(target);
  return problems;
}

const nothingDone = {
  itemsTotal: 0,
  itemsDone: 0,
  created: 0,
  skipped: 0,
  renamed: 0,
  failed: 0,
  different: 0,
  foldersCreated: 0,
  bytes: 0,
  requests: 0,
  throttledSeconds: 0,
};

/** The session as the API asks for it; the restore service owns it from there. @throws InvalidInput */
export function requestedRestore(
  facts: RestoreFacts,
  request: { id: string; by: string; at: string; pool: string },
): RestoreSession {
  const problems = restoreProblems(facts);
  const { input, point } = facts;
  if (problems.length > 0 || point === undefined) throw new InvalidInput(problems);
  const original = facts.mailbox?.address ?? point.mailboxAddress;
  return {
    id: request.id,
    state: 'requested',
    input,
    organizationId: point.organizationId,
    mailboxAddress: original,
    targetAddress: facts.target?.address ?? original,
    pointId: point.pointId,
    pointName: point.pointName,
    pointTime: point.time,
    pool: request.pool,
    requestedBy: request.by,
    requestedAt: request.at,
    epoch: 0,
    progress: nothingDone,
    cancelRequested: false,
  };
}
