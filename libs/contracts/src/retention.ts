import { z } from 'zod';
import { deterministicId, idSchema } from './ids.ts';
import { timeOfDaySchema, timeZoneSchema } from './timeZone.ts';

const ofThese = ['days', 'months', 'years'] as const;
const longest = { days: 36_500, months: 1_200, years: 100 } as const;

const counted = (unit: string, most: number) =>
  z
    .number()
    .int('must be a whole number')
    .min(1, `must be at least 1 ${unit}; leave it out to keep none for it`)
    .max(most, `must be at most ${most}`);

const ageShape = {
  days: counted('day', longest.days).optional(),
  months: counted('month', longest.months).optional(),
  years: counted('year', longest.years).optional(),
};

/** An age by the calendar: one of days, months and years. */
export const ageSchema = z.strictObject(ageShape).superRefine(oneUnit);
export type Age = z.infer<typeof ageSchema>;

/**
 * Items older than the age are neither backed up nor kept. `received`: the time a message came in (the start of an
 * event, the creation of anything else); `modified`: the last change of the item.
 */
export const itemAgeSchema = z
  .strictObject({ ...ageShape, by: z.enum(['received', 'modified']).default('received') })
  .superRefine(oneUnit);
export type ItemAge = z.infer<typeof itemAgeSchema>;

function oneUnit(age: { [unit in (typeof ofThese)[number]]?: number | undefined }, ctx: z.RefinementCtx) {
  const given = ofThese.filter((unit) => age[unit] !== undefined);
  if (given.length === 1) return;
  const message =
    given.length === 0 ? 'give one of days, months, years' : 'give only one of days, months, years';
  ctx.addIssue({ code: 'custom', message, path: [given[1] ?? 'days'] });
}

const policyShape = {
  /** Newest complete restore points kept of each mailbox. */
  keepLast: z
    .number()
    .int('must be a whole number')
    .min(1, 'must keep at least 1 restore point')
    .max(10_000, 'must be at most 10000')
    .optional(),
  /** One restore point a day for so many days, today included. */
  daily: counted('day', longest.days).optional(),
  /** One a week for so many weeks, the current one included. */
  weekly: counted('week', 5_200).optional(),
  /** One a month for so many months, the current one included. */
  monthly: counted('month', longest.months).optional(),
  /** One a year for so many years, the current one included. */
  yearly: counted('year', longest.years).optional(),
  /**
   * The floor: every state of the last so many days stays, whatever the other rules say. As the only rule it is
   * "keep every restore point for so many days".
   */
  keepAllDays: counted('day', longest.days).optional(),
  /** Items older than this are neither backed up nor kept. */
  itemAge: itemAgeSchema.optional(),
  /** The zone whose calendar says where days, weeks, months and years begin. */
  timeZone: timeZoneSchema.default('UTC'),
  /** First day of a week: Monday = 1 … Sunday = 7. */
  weekStartsOn: z
    .number()
    .int('must be a whole number')
    .min(1, 'must be 1 (Monday) to 7 (Sunday)')
    .max(7, 'must be 1 (Monday) to 7 (Sunday)')
    .default(1),
};

/** Which restore points of a mailbox stay. A point stays when any rule wants it. */
export const retentionSchema = z.strictObject(policyShape).superRefine(checkPolicy);
export type RetentionPolicy = z.infer<typeof retentionSchema>;

/** The policy of a schedule of its own; the item age is always the job's. */
export const scheduleRetentionSchema = z
  .strictObject({
    ...policyShape,
    itemAge: z
      .never('belongs to the retention of the job: it is the same for all of its schedules')
      .optional(),
  })
  .superRefine(checkPolicy);

function checkPolicy(policy: Rules, ctx: z.RefinementCtx): void {
  for (const { field, message } of policyProblems(policy)) {
    ctx.addIssue({ code: 'custom', message, path: [field] });
  }
}

/** The rules that count back by the calendar, with the most days that one unit of each can have. */
export const calendarRules = ['daily', 'weekly', 'monthly', 'yearly'] as const;
export type CalendarRule = (typeof calendarRules)[number];

type Rules = Pick<RetentionPolicy, CalendarRule | 'keepLast' | 'keepAllDays' | 'itemAge'>;
const fewestDays = { daily: 1, weekly: 7, monthly: 28, yearly: 365 } as const;

/** What no schema of a single field can see: rules that keep nothing, or that contradict each other. */
function policyProblems(policy: Rules): { field: string; message: string }[] {
  const reaches = calendarRules.flatMap((rule) => {
    const units = policy[rule];
    return units === undefined ? [] : [{ rule, days: units * fewestDays[rule] }];
  });
  const { keepAllDays, keepLast, itemAge } = policy;
  if (reaches.length === 0 && keepLast === undefined && keepAllDays === undefined && itemAge === undefined) {
    const rules = 'keepLast, daily, weekly, monthly, yearly, keepAllDays, itemAge';
    return [{ field: 'keepLast', message: `nothing would be kept: give at least one of ${rules}` }];
  }
  const problems: { field: string; message: string }[] = [];
  const furthest = Math.max(0, ...reaches.map(({ rule, days }) => days * slack[rule]));
  if (keepAllDays !== undefined && keepLast === undefined && reaches.length > 0 && keepAllDays > furthest) {
    const message =
      'is longer than what the other rules reach back, so they would have no effect: lower it or raise them';
    problems.push({ field: 'keepAllDays', message });
  }
  if (itemAge === undefined) return problems;
  const age = mostDays(itemAge);
  if (keepAllDays !== undefined && keepAllDays > age) {
    problems.push({ field: 'keepAllDays', message: `is longer than the item age: ${agedNote}` });
  }
  for (const { rule, days } of reaches) {
    if (days > age)
      problems.push({ field: rule, message: `reaches back further than the item age: ${agedNote}` });
  }
  return problems;
}

const agedNote = 'restore points that old would hold nothing but items that are not to be kept';
/** A month has up to 31 days and a year 366: what may just fit is not refused. */
const slack = { daily: 1, weekly: 1, monthly: 31 / 28, yearly: 366 / 365 } as const;

const mostDays = (age: Age): number => (age.days ?? 0) + (age.months ?? 0) * 31 + (age.years ?? 0) * 366;

/** Longer than lost events are looked back for, or what was delivered would be delivered again. */
const fewestDeliveryDays = 4;

/** How deletions are carried out and how long records stay; global. */
export const retentionSettingsSchema = z.strictObject({
  /** When, on the clocks of `timeZone`, all mailboxes are looked at; besides, a run's mailboxes are after each run. */
  time: timeOfDaySchema.default('05:00'),
  timeZone: timeZoneSchema.default('UTC'),
  /** Days for which an expired restore point waits, restorable and to be called back, before it is removed. */
  waitDays: z
    .number()
    .int('must be a whole number')
    .min(0, 'must be at least 0 (removed at once)')
    .max(365, 'must be at most 365')
    .default(1),
  /** A plan that takes more than this share of a mailbox's restore points at once, and more than the number, stops. */
  guard: z
    .strictObject({
      percent: z
        .number()
        .int('must be a whole number')
        .min(1, 'must be 1 to 100')
        .max(100, 'must be 1 to 100')
        .default(50),
      points: z
        .number()
        .int('must be a whole number')
        .min(0, 'must be at least 0')
        .max(10_000, 'must be at most 10000')
        .default(10),
    })
    .prefault({}),
  /** Days for which ended runs and their tasks stay; the newest run of a job always does. */
  runDays: counted('day', longest.days).default(365),
  /** Days for which ended restore sessions and their ledgers stay. */
  restoreDays: counted('day', longest.days).default(365),
  /** Days for which the event log reaches back. */
  eventDays: counted('day', longest.days).default(30),
  /** Days for which the audit log reaches back. */
  auditDays: counted('day', longest.days).default(365),
  /** Days for which alerts stay after they were cleared. */
  alertDays: counted('day', longest.days).default(365),
  /** Days for which deliveries to webhooks stay, dead letters among them. */
  deliveryDays: z
    .number()
    .int('must be a whole number')
    .min(
      fewestDeliveryDays,
      `must be at least ${fewestDeliveryDays} days: a younger event could be sent again`,
    )
    .max(longest.days, `must be at most ${longest.days}`)
    .default(30),
});
export type RetentionSettings = z.infer<typeof retentionSettingsSchema>;

/** The settings as they are when nobody has set any. */
export const defaultRetentionSettings: RetentionSettings = retentionSettingsSchema.parse({});

/** Where a restore point waits between the decision that it goes and its removal. */
export const condemnedSchema = z.object({
  at: z.iso.datetime(),
  /** Not removed before this. */
  removeAfter: z.iso.datetime(),
  reason: z.string(),
  /** The event that tells of it is durable. */
  announced: z.boolean().optional(),
  /** It is being removed: too late to call it back. */
  removing: z.boolean().optional(),
});
export type Condemned = z.infer<typeof condemnedSchema>;

const reason = z
  .string()
  .trim()
  .min(1, 'say why: it is shown wherever the hold matters')
  .max(500, 'must be at most 500 characters');

/** Keeps one restore point, or all of a mailbox (legal hold), until somebody releases it. */
export const holdSchema = z.object({
  id: idSchema,
  mailboxId: idSchema,
  mailboxAddress: z.string(),
  /** `<repositoryId>.<pointId>`; all restore points of the mailbox when absent. */
  restorePointId: z.string().optional(),
  reason: z.string(),
  by: z.string(),
  at: z.iso.datetime(),
});
export type Hold = z.infer<typeof holdSchema>;

/** What a user sends to hold a restore point or a mailbox. */
export const holdInputSchema = z.strictObject({ reason });
export type HoldInput = z.infer<typeof holdInputSchema>;

/** A plan that the guard stopped: nothing of it is carried out until somebody approves it. */
export const retentionGuardSchema = z.object({
  /** Deterministic over repository, mailbox and job. */
  id: idSchema,
  repositoryId: idSchema,
  organizationId: idSchema,
  jobId: idSchema,
  mailboxId: idSchema,
  mailboxAddress: z.string(),
  state: z.enum(['open', 'approved']),
  /** Restore points that would go, and of how many. */
  points: z.number().int(),
  of: z.number().int(),
  /** Ids of the points that would go: an approval is for these. */
  pointIds: z.array(z.string()).max(10_000),
  since: z.iso.datetime(),
  /** The event that tells of it is durable. */
  announced: z.boolean(),
  approvedBy: z.string().optional(),
  approvedAt: z.iso.datetime().optional(),
});
export type RetentionGuard = z.infer<typeof retentionGuardSchema>;

/** Id of what the guard notes of a mailbox in a repository under a job. */
export const guardIdOf = (repositoryId: string, mailboxId: string, jobId: string): string =>
  deterministicId('guard', repositoryId, mailboxId, jobId);

/** How far retention has come; there is one document with the id `global`. */
export const retentionStateSchema = z.object({
  id: z.literal('global'),
  /** Up to here the daily time was served. */
  servedUntil: z.iso.datetime(),
});
export type RetentionState = z.infer<typeof retentionStateSchema>;
