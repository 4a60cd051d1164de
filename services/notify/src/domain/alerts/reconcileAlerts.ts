import { type Alert, deterministicId } from '@holdfast/contracts';
import type { Finding, Judgement } from './finding.ts';

/** What is to be written. */
export interface AlertChanges {
  raise: Finding[];
  /** Open ones whose words have changed. */
  update: { id: string; finding: Finding }[];
  clear: string[];
}

const isSame = (alert: Alert, finding: Finding): boolean =>
  alert.message === finding.message &&
  alert.remedy === finding.remedy &&
  alert.details.length === finding.details.length &&
  alert.details.every((detail, at) => detail === finding.details[at]);

/** Compares what is open with what was found: an alert is raised once while its trouble lasts, and cleared once. */
export function reconcileAlerts(open: readonly Alert[], judgement: Judgement): AlertChanges {
  const { findings, isUnknown = () => false } = judgement;
  const found = new Map(findings.map((finding) => [finding.about, finding]));
  const changes: AlertChanges = { raise: [], update: [], clear: [] };
  const known = new Set<string>();
  for (const alert of open) {
    known.add(alert.about);
    const finding = found.get(alert.about);
    if (finding !== undefined) {
      if (!isSame(alert, finding)) changes.update.push({ id: alert.id, finding });
    } else if (!isUnknown(alert.about)) changes.clear.push(alert.id);
  }
  changes.raise = findings.filter(({ about }) => !known.has(about));
  return changes;
}

/**
 * A new occurrence. Its id is made of the occurrence before, so two processes that find the same trouble at the same
 * time make one alert, and the next time it is another one.
 */
export function raisedAlert(
  kind: Alert['kind'],
  finding: Finding,
  before: Alert | undefined,
  nowIso: string,
): Alert {
  const id = deterministicId('alert', kind, finding.about, before?.id ?? finding.since);
  return { ...finding, id, kind, state: 'open', raisedAt: nowIso };
}
