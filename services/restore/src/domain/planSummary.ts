import { createHash } from 'node:crypto';
import type { RestorePlanSummary, RestoreSession } from '@holdfast/contracts';
import { type Cost, type SourceBudget, secondsOfAll } from './estimatePlan.ts';
import type { PartPlan } from './planPart.ts';

/** A plan that was made of one part, and the mailbox that it goes to. */
export interface PlannedPart {
  part: number;
  /** Parts with one target share its budget. */
  target: string;
  /** It leaves its organization. */
  leavesOrganization: boolean;
  plan: PartPlan;
}

/** From here on an export to files is the better way. */
const exportQuickerSeconds = 4 * 3600;

/** Adds up the parts of a session; `at` is the time of the planning, ISO. */
export function planSummary(
  session: RestoreSession,
  parts: readonly PlannedPart[],
  settings: { budget: SourceBudget; mailboxesAtOnce: number; at: string },
): RestorePlanSummary {
  const sum = (of: (plan: PartPlan) => number) => parts.reduce((total, { plan }) => total + of(plan), 0);
  const costs = new Map<string, Cost>();
  for (const { target, plan } of parts) {
    const before = costs.get(target);
    costs.set(target, {
      requests: (before?.requests ?? 0) + plan.cost.requests,
      uploadBytes: (before?.uploadBytes ?? 0) + plan.cost.uploadBytes,
    });
  }
  const seconds = secondsOfAll(costs, settings.budget, settings.mailboxesAtOnce);
  return {
    generation: session.epoch,
    digest: digestOf(session, parts),
    madeAt: settings.at,
    items: sum(({ items }) => items),
    create: sum(({ counts }) => counts.create),
    skip: sum(({ counts }) => counts.skip),
    overwrite: sum(({ counts }) => counts.overwrite),
    rename: sum(({ counts }) => counts.rename),
    cannot: sum(({ counts }) => counts.cannot),
    partly: sum(({ partly }) => partly),
    bytes: sum(({ bytes }) => bytes),
    requests: sum(({ cost }) => cost.requests),
    seconds,
    foldersToCreate: sum(({ foldersToCreate }) => foldersToCreate),
    approvalReasons: approvalReasons(session, parts),
    warnings: warningsOf(
      seconds,
      sum(({ recoverableLeft }) => recoverableLeft),
    ),
  };
}

/** Why a session does not go on by itself; overwriting waits even when nothing is there to be overwritten. */
function approvalReasons(
  { input }: RestoreSession,
  parts: readonly PlannedPart[],
): RestorePlanSummary['approvalReasons'] {
  return [
    ...(input.onConflict === 'overwrite' ? (['overwrites'] as const) : []),
    ...(parts.some(({ leavesOrganization }) => leavesOrganization) ? (['other-organization'] as const) : []),
    ...(input.approve ? [] : (['asked-for'] as const)),
  ];
}

/** True when the plan may be carried out without a person. */
export const needsNoApproval = (plan: RestorePlanSummary, confirm: string | undefined): boolean =>
  plan.approvalReasons.length === 0 || confirm === plan.digest;

/** Who asked, when, and how it is approved do not belong to the plan: the same plan has the same digest. */
function digestOf(session: RestoreSession, parts: readonly PlannedPart[]): string {
  const { approve: _, confirm: __, ...asked } = session.input;
  const facts = parts.map(({ part, target, plan }) => [part, target, plan.digest]);
  return createHash('sha256')
    .update(JSON.stringify([asked, facts]))
    .digest('hex');
}

function warningsOf(seconds: number, recoverableLeft: number): RestorePlanSummary['warnings'] {
  const warnings: RestorePlanSummary['warnings'] = [];
  if (seconds >= exportQuickerSeconds) {
    const hours = Math.round(seconds / 3600);
    const message = `By the limits of the mail service this takes about ${hours} hours; an export to files is quicker.`;
    warnings.push({ code: 'export-quicker', message });
  }
  if (recoverableLeft > 0) {
    const message = `What is in Recoverable Items (${recoverableLeft} items) stays away: it was not asked for.`;
    warnings.push({ code: 'recoverable-left-out', message });
  }
  return warnings;
}
