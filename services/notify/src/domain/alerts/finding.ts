import type { Alert, AlertKind, AlertSettings, HoldfastEvent } from '@holdfast/contracts';

/** A trouble that is there now. */
export type Finding = Pick<
  Alert,
  'about' | 'organizationId' | 'jobId' | 'repositoryId' | 'message' | 'remedy' | 'details' | 'since'
>;

/** All that was found of one kind. */
export interface Judgement {
  kind: AlertKind;
  findings: readonly Finding[];
  /** Things that nothing could be said about now: their alerts stay as they are. */
  isUnknown?: (about: string) => boolean;
  /** Why alerts that are not found any more are over. */
  over: string;
  /** Events beside `alert.raised` that a new alert means. */
  also?: (alert: Alert) => HoldfastEvent[];
}

type Watched = Exclude<keyof AlertSettings, 'recipients' | 'allClear'>;
const settingOf: Record<AlertKind, Watched> = {
  'job-overdue': 'jobOverdue',
  'restore-point-old': 'restorePointOld',
  'proxy-offline': 'proxyOffline',
  'credential-expiring': 'credentialExpiring',
  'retention-guarded': 'retentionGuarded',
  'repository-space-low': 'repositorySpaceLow',
  'webhook-failing': 'webhookFailing',
};

export const isWatched = (kind: AlertKind, settings: AlertSettings): boolean =>
  settings[settingOf[kind]].enabled;

/** At most this many details; the message has the whole number. */
export const mostDetails = 20;
