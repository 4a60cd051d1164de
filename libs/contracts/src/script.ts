import { z } from 'zod';
import { idSchema } from './ids.ts';

const absolutePath = z
  .string()
  .max(4_096)
  .regex(/^\/[^\0]+$/, 'must be an absolute path');
const noNull = z
  .string()
  .max(8_192, 'must be at most 8192 characters')
  .regex(/^[^\0]*$/, 'must not contain NUL');

/** A program that runs before or after a run of a job, without a shell, on the machine of the scheduler. */
export const scriptSchema = z.strictObject({
  /** In the folder that the scheduler's setting HOLDFAST_SCRIPTS_DIR names, or below it. */
  path: absolutePath,
  /** The program that reads the script, one of HOLDFAST_SCRIPT_INTERPRETERS; absent: the script is executable itself. */
  interpreter: absolutePath.optional(),
  arguments: z.array(noNull).max(100, 'must be at most 100').default([]),
  /** After so long the script and all that it started are ended, which counts as a failure. */
  timeLimitSeconds: z
    .number()
    .int('must be a whole number')
    .min(1, 'must be at least 1 second')
    .max(86_400, 'must be at most 86400 seconds (a day)')
    .default(3_600),
  /** `false`: the run does not wait for it, and what becomes of it does not change the run. */
  wait: z.boolean().default(true),
  /** What a failure of an awaited script does to the run. */
  onFailure: z.enum(['continue', 'fail']).default('continue'),
});
export type Script = z.infer<typeof scriptSchema>;

export const jobScriptsSchema = z.strictObject({
  before: scriptSchema.optional(),
  after: scriptSchema.optional(),
});
export type JobScripts = z.infer<typeof jobScriptsSchema>;

export const scriptPhases = ['before', 'after'] as const;
export type ScriptPhase = (typeof scriptPhases)[number];

export const scriptStates = [
  /** Noted when the run was taken up. */
  'planned',
  'running',
  'success',
  'failed',
  'timed-out',
  /** Ended because the run was stopped. */
  'stopped',
  /** The scheduler ended while it ran: nobody knows how far it came. It is not started a second time. */
  'interrupted',
] as const;
export type ScriptState = (typeof scriptStates)[number];

/** The most that is kept of what a script writes: its end. */
export const scriptOutputBytes = 64 * 1024;

/** A script of a run: noted before it is started, so that it is never started twice. */
export const scriptRecordSchema = z.object({
  /** `<runId>.<phase>` */
  id: z.string(),
  runId: idSchema,
  jobId: idSchema,
  phase: z.enum(scriptPhases),
  script: scriptSchema,
  state: z.enum(scriptStates),
  startedAt: z.iso.datetime().optional(),
  endedAt: z.iso.datetime().optional(),
  exitCode: z.number().int().optional(),
  signal: z.string().optional(),
  /** What it wrote to both outputs, the last 64 KiB. */
  output: z.string().default(''),
  /** The beginning of the output was left out. */
  outputCut: z.boolean().default(false),
  /** What went wrong and what can be done, as sentences. */
  message: z.string().optional(),
  remedy: z.string().optional(),
});
export type ScriptRecord = z.infer<typeof scriptRecordSchema>;

export const scriptRecordIdOf = (runId: string, phase: ScriptPhase): string => `${runId}.${phase}`;
