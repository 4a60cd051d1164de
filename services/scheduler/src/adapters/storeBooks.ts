import {
  collections,
  type Group,
  type Job,
  type Mailbox,
  type Organization,
  type ProxyRecord,
  type Run,
  type RunTask,
  type ScriptRecord,
  taskStates,
  terminalRunStates,
} from '@holdfast/contracts';
import {
  all,
  type Collection,
  type Document,
  insertIfAbsent,
  modify,
  type Query,
  type Store,
} from '@holdfast/store';
import type {
  JobBook,
  OrganizationBook,
  ProxyBook,
  RunBook,
  ScopeSource,
  ScriptBook,
  TaskBook,
  TaskCounts,
} from '../ports.ts';

const unfinished = { in: ['requested', 'running', 'completing'] };
/** As many share a commit; a page of a large run must not hold up the event loop. */
const insertsAtOnce = 250;
/** Of the runs that a chained job has not seen the newest is what counts; skipped ones may stand between. */
const mostEndedRuns = 20;

/** The control data in the scheduler's words. */
export interface StoreBooks {
  jobs: JobBook;
  runs: RunBook;
  tasks: TaskBook;
  scope: ScopeSource;
  scripts: ScriptBook;
  proxyBook: ProxyBook;
  organizations: OrganizationBook;
}

/** `guard` is called before each write and throws when this process may not write any more. */
export function createStoreBooks(store: Store, guard: () => void): StoreBooks {
  const jobs = store.collection(collections.jobs);
  const runs = store.collection(collections.runs);
  const tasks = store.collection(collections.runTasks);
  const mailboxes = store.collection(collections.mailboxes);
  const groups = store.collection(collections.groups);
  const settings = store.collection(collections.settings);
  const proxies = store.collection(collections.proxies);
  const organizations = store.collection(collections.organizations);
  const change = async <T extends Document>(
    rows: Collection<T>,
    id: string,
    edit: (doc: T) => T | undefined,
  ) => {
    guard();
    await modify(rows, id, edit);
  };

  return {
    jobs: {
      job: async (id) => (await jobs.get(id))?.doc,
      jobs: () => documents<Job>(jobs, {}),
      changeJob: (id, edit) => change(jobs, id, edit),
    },
    runs: runBook(runs, guard, (id, edit) => change(runs, id, edit)),
    proxyBook: {
      async proxies() {
        const found: ProxyRecord[] = [];
        for await (const record of documents(proxies, {})) found.push(record);
        return found;
      },
      async changeProxy(id, edit) {
        guard();
        return (await modify(proxies, id, edit))?.doc;
      },
    },
    organizations: { organizations: () => documents<Organization>(organizations, {}) },
    scripts: scriptBook(store.collection(collections.runScripts), guard),
    tasks: taskBook(tasks, guard, (id, edit) => change(tasks, id, edit)),
    scope: {
      mailboxes: (organizationId) => documents<Mailbox>(mailboxes, { where: { organizationId } }),
      groups: (organizationId) => documents<Group>(groups, { where: { organizationId } }),
      globalExclusions: async () => (await settings.get('global'))?.doc.exclude,
    },
  };
}

function runBook(runs: Collection<Run>, guard: () => void, changeRun: RunBook['changeRun']): RunBook {
  return {
    run: async (id) => (await runs.get(id))?.doc,
    unfinishedRuns: () =>
      documents(runs, { where: { state: unfinished }, sort: { field: 'requestedAt', order: 'asc' } }),
    async unfinishedRunsOf(jobId) {
      const found: Run[] = [];
      for await (const run of documents(runs, { where: { jobId, state: unfinished } })) found.push(run);
      return found;
    },
    async newestEndedRuns(jobId) {
      const where = { jobId, state: { in: terminalRunStates } };
      const page = await runs.find({
        where,
        sort: { field: 'number', order: 'desc' },
        limit: mostEndedRuns,
      });
      return page.items.map((item) => item.doc);
    },
    async newestRunBeside(run) {
      const where = { jobId: run.jobId };
      const page = await runs.find({ where, sort: { field: 'number', order: 'desc' }, limit: 2 });
      return page.items.map((item) => item.doc).find((other) => other.id !== run.id);
    },
    async insertRun(run) {
      guard();
      return insertIfAbsent(runs, run);
    },
    changeRun,
  };
}

function taskBook(
  tasks: Collection<RunTask>,
  guard: () => void,
  changeTask: TaskBook['changeTask'],
): TaskBook {
  return {
    async insertTasks(list) {
      for (let at = 0; at < list.length; at += insertsAtOnce) {
        guard();
        await Promise.all(list.slice(at, at + insertsAtOnce).map((task) => insertIfAbsent(tasks, task)));
      }
    },
    async countTasks(runId) {
      const counted = taskStates.map(async (state) => [state, await tasks.count({ runId, state })] as const);
      return Object.fromEntries(await Promise.all(counted)) as TaskCounts;
    },
    tasks: (runId, states) =>
      documents(tasks, {
        where: states === undefined ? { runId } : { runId, state: { in: states } },
        sort: { field: 'position', order: 'asc' },
      }),
    changeTask,
  };
}

function scriptBook(scripts: Collection<ScriptRecord>, guard: () => void): ScriptBook {
  return {
    script: async (id) => (await scripts.get(id))?.doc,
    async insertScript(record) {
      guard();
      await insertIfAbsent(scripts, record);
    },
    async changeScript(id, change) {
      guard();
      return (await modify(scripts, id, change))?.doc;
    },
    async runningScripts() {
      const found: ScriptRecord[] = [];
      for await (const record of documents(scripts, { where: { state: 'running' } })) found.push(record);
      return found;
    },
  };
}

async function* documents<T extends Document>(
  rows: Collection<T>,
  query: Pick<Query, 'where' | 'sort'>,
): AsyncIterable<T> {
  for await (const { doc } of all(rows, query)) yield doc;
}
