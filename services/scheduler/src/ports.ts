import type {
  Exclusions,
  Group,
  HoldfastEvent,
  Job,
  Mailbox,
  Organization,
  ProxyRecord,
  Run,
  RunTask,
  ScriptRecord,
  taskStates,
} from '@holdfast/contracts';
import type { ScopeNeeds } from '@holdfast/scheduling';

export type TaskCounts = Record<(typeof taskStates)[number], number>;

/** Jobs in the control data. */
export interface JobBook {
  job(id: string): Promise<Job | undefined>;
  /** All jobs, read page by page. */
  jobs(): AsyncIterable<Job>;
  /** Compare-and-set, repeated until it holds; `undefined` from `change` leaves the job alone. */
  changeJob(id: string, change: (job: Job) => Job | undefined): Promise<void>;
}

/** Runs in the control data. The scheduler owns them once they are requested. */
export interface RunBook {
  run(id: string): Promise<Run | undefined>;
  /** Runs that have not ended, oldest request first. */
  unfinishedRuns(): AsyncIterable<Run>;
  /** Runs of a job that have not ended. */
  unfinishedRunsOf(jobId: string): Promise<Run[]>;
  /** Runs of a job that have ended, highest numbers first; as many as can matter. */
  newestEndedRuns(jobId: string): Promise<Run[]>;
  /** Of the other runs of its job the one with the highest number. */
  newestRunBeside(run: Pick<Run, 'id' | 'jobId'>): Promise<Run | undefined>;
  /** False when a run with this id is there already. */
  insertRun(run: Run): Promise<boolean>;
  /** Compare-and-set, repeated until it holds; `undefined` from `change` leaves the run alone. */
  changeRun(id: string, change: (run: Run) => Run | undefined): Promise<void>;
}

/** Tasks of runs in the control data. The scheduler inserts them, the proxies move them. */
export interface TaskBook {
  /** Tasks that are there already stay as they are. */
  insertTasks(tasks: readonly RunTask[]): Promise<void>;
  countTasks(runId: string): Promise<TaskCounts>;
  /** By position; read page by page. */
  tasks(runId: string, states?: readonly RunTask['state'][]): AsyncIterable<RunTask>;
  changeTask(id: string, change: (task: RunTask) => RunTask | undefined): Promise<void>;
}

/** What the last inventory found in an organization. */
export interface ScopeSource {
  mailboxes(organizationId: string): AsyncIterable<Mailbox>;
  groups(organizationId: string): AsyncIterable<Group>;
  /** What no job backs up. */
  globalExclusions(): Promise<Exclusions | undefined>;
}

/** The work queue of a run and the sign that proxies look for. */
export interface TaskQueue {
  /** Makes proxies serve the run, at most `concurrency` tasks at a time; repeating it is harmless. */
  open(run: Run): Promise<void>;
  /** Is the sign there, as the run wants it? Not so after the broker lost it. */
  isOpen(run: Run): Promise<boolean>;
  /** The same message id twice is one message. */
  send(run: Run, task: RunTask, messageId: string): Promise<void>;
  /** Tasks that the broker still holds for this run. */
  held(run: Run): Promise<number>;
  /** Removes queue and sign; repeating it is harmless. */
  close(run: Pick<Run, 'id' | 'pool'>): Promise<void>;
  /** Ids and pools of the runs that have a sign. */
  openRuns(): Promise<{ id: string; pool: string }[]>;
}

/** What proxies say of themselves. */
export interface ProxyWatch {
  /** True when the proxy that has the task is there and says that it works on this mailbox. */
  worksOn(task: RunTask): boolean;
}

/** The records of proxies in the control data. */
export interface ProxyBook {
  proxies(): Promise<ProxyRecord[]>;
  /** Compare-and-set; undefined when `change` left it alone. */
  changeProxy(
    id: string,
    change: (record: ProxyRecord) => ProxyRecord | undefined,
  ): Promise<ProxyRecord | undefined>;
}

export interface OrganizationBook {
  organizations(): AsyncIterable<Organization>;
}

/** Asks a proxy to read the directory into the control data. */
export interface Inventory {
  /** @throws HoldfastError `no-answer` (transient) when no proxy of the pool is there. */
  refresh(pool: string, organizationId: string, needs: ScopeNeeds): Promise<void>;
}

/** Scripts of runs in the control data. */
export interface ScriptBook {
  script(id: string): Promise<ScriptRecord | undefined>;
  /** One that is there already stays as it is. */
  insertScript(record: ScriptRecord): Promise<void>;
  /** Compare-and-set; undefined when `change` left it alone. */
  changeScript(
    id: string,
    change: (record: ScriptRecord) => ScriptRecord | undefined,
  ): Promise<ScriptRecord | undefined>;
  /** All that are noted as running. */
  runningScripts(): Promise<ScriptRecord[]>;
}

/** Runs scripts on this machine. */
export interface ScriptRunner {
  /** Begins it and returns; `tell` is called with what it came to, again until it resolves. */
  start(
    record: ScriptRecord,
    environment: Readonly<Record<string, string>>,
    tell: (end: ScriptEnd) => Promise<void>,
  ): void;
  /** True until the end of the script is noted. */
  isRunning(id: string): boolean;
  /** Ends it, soon. */
  stop(id: string): void;
}

/** Publishes events: durable when this resolves; the same event twice is one event. */
export type Announce = (...events: HoldfastEvent[]) => Promise<void>;

/** What a script came to. */
export type ScriptEnd = Pick<ScriptRecord, 'state' | 'output' | 'outputCut'> &
  Partial<Pick<ScriptRecord, 'exitCode' | 'signal' | 'message' | 'remedy'>> & { id: string };
