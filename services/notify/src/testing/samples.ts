import {
  type AlertSettings,
  alertSettingsSchema,
  type Gap,
  type Job,
  type MailSettings,
  type Run,
  type RunTask,
  reportOutcomes,
  type Totals,
  zeroTotals,
} from '@holdfast/contracts';
import { buildJob, buildRun, buildRunTask } from '@holdfast/testing';

/** The run of the examples: Nightly, 98 of 100 mailboxes, two with gaps. */
export const sampleJob = (given: Partial<Job> = {}): Job =>
  buildJob({
    name: 'Nightly',
    schedules: [
      { id: 'nightly', kind: 'daily', start: '02:10', endsNextDay: false, timeZone: 'Europe/Berlin' },
    ],
    ...given,
  });

export const totals = (given: Partial<Totals>): Totals => ({ ...zeroTotals, ...given });

export const sampleRun = (given: Partial<Run> = {}): Run =>
  buildRun({
    jobName: 'Nightly',
    number: 41,
    state: 'warning',
    outcome: 'warning',
    requestedAt: '2026-11-22T01:10:00.000Z',
    startedAt: '2026-11-22T01:10:02.000Z',
    finishedAt: '2026-11-22T01:25:07.000Z',
    tasks: { total: 100, success: 98, warning: 2, failed: 0, stopped: 0 },
    totals: totals({
      itemsNew: 1204,
      itemsChanged: 311,
      itemsRemoved: 87,
      itemsTotal: 412_300,
      gapsOpen: 3,
      gapsHealed: 1,
      bytesRead: 96_400_000,
      bytesStored: 41_200_000,
      throttledSeconds: 12.4,
    }),
    ...given,
  });

export const sampleGap = (given: Partial<Gap> = {}): Gap => ({
  itemKey: 'item-1',
  folderId: 'folder-1',
  folderPath: '/Inbox/Invoices',
  subject: 'Invoice 2231',
  code: 'item-corrupt',
  reason: 'the service cannot read this item',
  firstSeen: '2026-11-20T01:12:00.000Z',
  lastTried: '2026-11-22T01:12:00.000Z',
  tries: 3,
  nextTry: '2026-11-23T01:12:00.000Z',
  ...given,
});

export const sampleTask = (position: number, given: Partial<RunTask> = {}): RunTask =>
  buildRunTask({
    mailboxId: `mbx-${position}`,
    mailboxAddress: `user${position}@contoso.example`,
    position,
    state: 'success',
    attempts: 1,
    startedAt: '2026-11-22T01:10:05.000Z',
    finishedAt: '2026-11-22T01:10:17.000Z',
    newestPointTime: '2026-11-22T01:10:02.000Z',
    totals: totals({
      itemsNew: 12,
      itemsChanged: 3,
      itemsTotal: 4100,
      bytesRead: 1_240_000,
      bytesStored: 410_000,
    }),
    ...given,
  });

export async function* listed<T>(rows: readonly T[]): AsyncIterable<T> {
  yield* rows;
}

export const sampleMail = (given: Partial<MailSettings> = {}): MailSettings => ({
  ...{ enabled: true, host: '127.0.0.1', port: 25, security: 'none', from: 'backup@contoso.example' },
  ...{ recipients: ['it@contoso.example'], on: [...reportOutcomes], attachDetails: true },
  ...given,
});

/** Alert settings with which nothing is watched. */
export const noAlerts: AlertSettings = alertSettingsSchema.parse(
  Object.fromEntries(
    Object.keys(alertSettingsSchema.shape)
      .filter((name) => !['recipients', 'allClear'].includes(name))
      .map((name) => [name, { enabled: false }]),
  ),
);
