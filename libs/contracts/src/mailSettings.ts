import { z } from 'zod';
import { timeOfDaySchema, timeZoneSchema } from './timeZone.ts';

const separators = /[;,\s]+/;
const mostAddresses = 200;

/** Addresses in one text (`a@b.example; c@d.example`; `;`, `,` and blanks separate) or in a list of such texts. */
export function splitAddresses(given: string | readonly string[]): string[] {
  const texts = typeof given === 'string' ? [given] : given;
  const all = texts.flatMap((text) => text.split(separators)).filter((address) => address !== '');
  const seen = new Set<string>();
  return all.filter((address) => {
    const key = address.toLowerCase();
    return !seen.has(key) && seen.add(key) !== undefined;
  });
}

/** Recipients: a list, or one text with `;` or `,` between the addresses. Always a list afterwards. */
export const addressListSchema = z
  .union([z.string(), z.array(z.string())], {
    error: 'must be addresses: a list, or a text with "; " between them',
  })
  .transform(splitAddresses)
  .pipe(z.array(z.email('must be an e-mail address')).max(mostAddresses));

/** Outcomes that can be reported. */
export const reportOutcomes = ['success', 'warning', 'failed', 'stopped'] as const;
export type ReportOutcome = (typeof reportOutcomes)[number];
const outcomesSchema = z.array(z.enum(reportOutcomes));

/** What a subject template may contain, and what stands for it in the message. */
export const subjectVariables = {
  '%JobResult%': 'SUCCESS, WARNING, FAILED or STOPPED',
  '%JobName%': 'name of the job',
  '%OrganizationName%': 'name of the organization',
  '%ObjectCount%': 'mailboxes of the run',
  '%Issues%': 'mailboxes with problems, in words; empty when there are none',
  '%RunNumber%': 'number of the run within its job',
  '%Time%': 'start of the run on the clocks of the job',
} as const;

const unknownVariables = (template: string): string[] =>
  (template.match(/%[A-Za-z]+%/g) ?? []).filter((name) => !Object.hasOwn(subjectVariables, name));

const subjectSchema = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => [...text].every((character) => character >= ' ' && character !== '\u007f'), {
    message: 'must be one line without control characters',
  })
  .superRefine((template, context) => {
    const unknown = unknownVariables(template);
    if (unknown.length === 0) return;
    const known = Object.keys(subjectVariables).join(', ');
    context.addIssue({
      code: 'custom',
      message: `${unknown.join(', ')} is not known here; known are ${known}`,
    });
  });

/** Signs in with a token of Microsoft Entra for an application (client credentials), where passwords are not taken. */
const oauthShape = {
  /** The cloud of the tenant, by the name that organizations use. */
  cloud: z.string().min(1).max(40).default('global'),
  tenantId: z.string().trim().min(1, 'must be the id of a tenant, or a verified domain').max(255),
  clientId: z.string().trim().min(1, 'must be the id of a registered application').max(255),
};

export const digestSchema = z.strictObject({ time: timeOfDaySchema, timeZone: timeZoneSchema });

const common = {
  /** Off: nothing is sent, the settings stay. */
  enabled: z.boolean().default(true),
  host: z
    .string()
    .regex(
      /^[A-Za-z0-9._:[\]-]{1,255}$/,
      'must be the name or the address of a mail server, without a scheme',
    ),
  port: z.number().int().min(1).max(65_535),
  /** `none` for a relay on this machine, `starttls`, or `tls` from the first byte. */
  security: z.enum(['none', 'starttls', 'tls']),
  /** Signs in as; no sign-in when absent. */
  user: z.string().min(1).optional(),
  from: z.email('must be an e-mail address'),
  recipients: addressListSchema,
  /** Outcomes of runs and restores that are reported. */
  on: outcomesSchema.default([...reportOutcomes]),
  /** Subject of run reports; the built-in one when absent. See `subjectVariables`. */
  subject: subjectSchema.optional(),
  /** Every mailbox of the run as a CSV file. */
  attachDetails: z.boolean().default(true),
  /** One message a day with all runs since the last, instead of one for each run. */
  digest: digestSchema.optional(),
};

export const mailSettingsSchema = z.object({
  ...common,
  sealedPassword: z.string().optional(),
  /** Signs in by XOAUTH2 as `user`, which is the mailbox that sends. */
  oauth: z.object({ ...oauthShape, sealedClientSecret: z.string() }).optional(),
  /** A digest covers times of day after this. */
  changedAt: z.iso.datetime().optional(),
});
export type MailSettings = z.infer<typeof mailSettingsSchema>;
export type MailOauth = NonNullable<MailSettings['oauth']>;

const thisMachine = /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/;

/** What a user sends. A secret that is left out stays, for the same server, user and application. */
export const mailSettingsInputSchema = z
  .strictObject({
    ...common,
    password: z.string().optional(),
    oauth: z
      .strictObject({ ...oauthShape, clientSecret: z.string().min(1, 'must not be empty').optional() })
      .optional(),
  })
  .superRefine(({ host, oauth, password, security, user }, context) => {
    if (oauth === undefined) return;
    const problem = (field: string, message: string) =>
      context.addIssue({ code: 'custom', message, path: [field] });
    if (user === undefined) problem('user', 'is missing: the address of the mailbox that sends');
    if (password !== undefined)
      problem('password', 'belongs to a sign-in without "oauth": leave one of them out');
    if (security === 'none' && !thisMachine.test(host))
      problem('security', 'must be starttls or tls: a token must not travel in the clear');
  });

/** What one job wants otherwise. */
export const jobNotificationsSchema = z.strictObject({
  /** `add`: the job's recipients beside the global ones; `replace`: instead of them, when it names any. */
  recipients: z.enum(['add', 'replace']).default('add'),
  /** Outcomes reported for this job; as in the mail settings when absent, none when empty. */
  on: outcomesSchema.optional(),
  /** Alert when a mailbox has no restore point younger than this; as in the alert settings when absent. */
  maxPointAgeHours: z.number().int().min(1).max(8_760).optional(),
  /** Alert when nothing ran for so long after a time of the schedule; as in the alert settings when absent. */
  overdueAfterMinutes: z.number().int().min(5).max(10_080).optional(),
});
export type JobNotifications = z.infer<typeof jobNotificationsSchema>;
