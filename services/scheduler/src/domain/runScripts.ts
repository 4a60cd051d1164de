import {
  type ErrorFacts,
  type JobScripts,
  makeEvent,
  type Run,
  type ScriptPhase,
  type ScriptRecord,
  scriptPhases,
  scriptRecordIdOf,
} from '@holdfast/contracts';
import type { Announce, ScriptBook, ScriptEnd, ScriptRunner } from '../ports.ts';

export interface ScriptPorts {
  scripts: ScriptBook;
  scriptRunner: ScriptRunner;
  announce: Announce;
  now: () => number;
}

/** What a script means for its run: go on, wait for it, or end as failed. */
export type ScriptStep = { kind: 'go-on' } | { kind: 'wait' } | { kind: 'fail'; error: ErrorFacts };

/** Notes the scripts of a run as its job has them now, once: what the job says later does not count for it. */
export async function planScripts(ports: ScriptPorts, run: Run, scripts: JobScripts): Promise<void> {
  for (const phase of scriptPhases) {
    const script = scripts[phase];
    if (script === undefined) continue;
    await ports.scripts.insertScript({
      id: scriptRecordIdOf(run.id, phase),
      ...{ runId: run.id, jobId: run.jobId, phase, script },
      state: 'planned',
      output: '',
      outputCut: false,
    });
  }
}

/**
 * Brings the script of a phase forward. It is noted as running before it is started, so nobody starts it twice: one that
 * is noted as running and runs nowhere was cut short with its scheduler, and counts as a failure.
 */
export async function advanceScript(ports: ScriptPorts, run: Run, phase: ScriptPhase): Promise<ScriptStep> {
  const id = scriptRecordIdOf(run.id, phase);
  const record = await ports.scripts.script(id);
  if (record === undefined) return { kind: 'go-on' };
  if (record.state === 'planned') {
    const startedAt = new Date(ports.now()).toISOString();
    const started = await ports.scripts.changeScript(id, (current) =>
      current.state === 'planned' ? { ...current, state: 'running', startedAt } : undefined,
    );
    if (started === undefined) return { kind: 'wait' };
    ports.scriptRunner.start(started, scriptEnvironment(run, phase), (ended) => endScript(ports, run, ended));
    return started.script.wait ? { kind: 'wait' } : { kind: 'go-on' };
  }
  if (record.state === 'running') {
    if (!ports.scriptRunner.isRunning(id)) {
      const interrupted = await interruptScript(ports, run, record);
      return decideScript(interrupted ?? record);
    }
    return record.script.wait ? { kind: 'wait' } : { kind: 'go-on' };
  }
  return decideScript(record);
}

/** What an ended script means for its run. Without waiting, what becomes of it changes nothing. */
export function decideScript(record: ScriptRecord): ScriptStep {
  const { script, state, phase } = record;
  if (state === 'running' || state === 'planned') return { kind: script.wait ? 'wait' : 'go-on' };
  if (!script.wait || script.onFailure === 'continue' || state === 'success') return { kind: 'go-on' };
  const when = phase === 'before' ? 'before' : 'after';
  return {
    kind: 'fail',
    error: {
      code: `script-${state}`,
      errorClass: 'configuration',
      message: `the script ${when} the run failed: ${record.message ?? state}`,
      remedy:
        record.remedy ?? 'Look at what it wrote (holdfast run scripts), correct it, and start the run again.',
    },
  };
}

/** Notes the end of a script, once, and tells of it. */
async function endScript(ports: ScriptPorts, run: Run, { id, ...end }: ScriptEnd): Promise<void> {
  const endedAt = new Date(ports.now()).toISOString();
  const ended = await ports.scripts.changeScript(id, (current) =>
    current.state === 'running' ? { ...current, ...end, endedAt } : undefined,
  );
  const record = ended ?? (await ports.scripts.script(id));
  if (record !== undefined) await ports.announce(scriptEnded(run, record));
}

const interruption = {
  state: 'interrupted' as const,
  message: 'the scheduler ended while the script ran; how far it came is unknown',
  remedy:
    'It is not started a second time by itself. Look whether its work is done, then start the run again.',
};

async function interruptScript(
  ports: ScriptPorts,
  run: Run,
  record: ScriptRecord,
): Promise<ScriptRecord | undefined> {
  await endScript(ports, run, { ...interruption, id: record.id, output: '', outputCut: false });
  return ports.scripts.script(record.id);
}

/** A new leader finds scripts that are noted as running: they ended, or lost their scheduler, with the one before. */
export async function interruptLeftScripts(
  ports: ScriptPorts & { runs: { run(id: string): Promise<Run | undefined> } },
): Promise<number> {
  let interrupted = 0;
  for (const record of await ports.scripts.runningScripts()) {
    if (ports.scriptRunner.isRunning(record.id)) continue;
    const run = await ports.runs.run(record.runId);
    if (run === undefined) continue;
    await interruptScript(ports, run, record);
    interrupted += 1;
  }
  return interrupted;
}

function scriptEnded(run: Run, record: ScriptRecord) {
  const { exitCode, message } = record;
  return makeEvent('script.ended', {
    source: 'scheduler',
    subject: run.id,
    key: record.id,
    time: record.endedAt ?? run.requestedAt,
    data: {
      runId: run.id,
      jobId: run.jobId,
      organizationId: run.organizationId,
      phase: record.phase,
      state: record.state,
      awaited: record.script.wait,
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(message === undefined ? {} : { message }),
    },
  });
}

/** What a script is told of its run, as environment variables; nothing of the scheduler's own settings. */
export function scriptEnvironment(run: Run, phase: ScriptPhase): Record<string, string> {
  const facts: Record<string, string | number | undefined> = {
    PHASE: phase,
    RUN_ID: run.id,
    RUN_NUMBER: run.number > 0 ? run.number : undefined,
    JOB_ID: run.jobId,
    JOB_NAME: run.jobName,
    ORGANIZATION_ID: run.organizationId,
    REPOSITORY_ID: run.repositoryId,
    TRIGGER: run.trigger,
    REQUESTED_BY: run.requestedBy,
    REQUESTED_AT: run.requestedAt,
    ...(phase === 'after' ? outcomeFacts(run) : {}),
  };
  const given = Object.entries(facts).flatMap(([name, value]) =>
    value === undefined ? [] : [[`HOLDFAST_${name}`, String(value).replaceAll('\0', '')]],
  );
  return Object.fromEntries(given);
}

function outcomeFacts({ outcome, tasks, totals, startedAt, finishedAt, error }: Run) {
  return {
    OUTCOME: outcome,
    STARTED_AT: startedAt,
    FINISHED_AT: finishedAt,
    MAILBOXES: tasks.total,
    MAILBOXES_SUCCESS: tasks.success,
    MAILBOXES_WARNING: tasks.warning,
    MAILBOXES_FAILED: tasks.failed,
    MAILBOXES_STOPPED: tasks.stopped,
    ITEMS_NEW: totals.itemsNew,
    ITEMS_CHANGED: totals.itemsChanged,
    ITEMS_REMOVED: totals.itemsRemoved,
    ITEMS_TOTAL: totals.itemsTotal,
    GAPS_OPEN: totals.gapsOpen,
    BYTES_READ: totals.bytesRead,
    BYTES_STORED: totals.bytesStored,
    ERROR: error?.message,
  };
}
