import { type ErrorFacts, errorFacts } from '@holdfast/contracts';
import type { Log } from './log.ts';
import { growingPause, pause, pauseAfter } from './pauses.ts';
import type { Running, TaskConsumerOptions, Verdict } from './ports.ts';
import { taskFaults } from './taskFaults.ts';
import { withinTrace } from './trace.ts';

/** A task as a queue delivers it. */
export interface TaskMessage {
  readonly text: string;
  readonly id: string;
  readonly subject: string;
  /** Its place in the stream; a postponed copy has a new one. */
  readonly sequence: number;
  /** Deliveries so far, this one included. */
  readonly attempt: number;
  readonly trace: string | undefined;
  ack(): void;
  nak(afterMs: number): void;
  working(): void;
  term(): void;
}

/** Where tasks come from: JetStream, or the memory twin. */
export interface TaskSource {
  /** Hands over the tasks that are there, as they come and at most so many; resolves after a short look. */
  take(most: number, onTask: (message: TaskMessage) => void): Promise<void>;
  /** Resolves when it is worth looking again, at the latest after the time or when the signal is aborted. */
  hint(withinMs: number, signal: AbortSignal): Promise<void>;
  /** Puts the task back as a new message that has had so many attempts, then acks this one. */
  repost(message: TaskMessage, attempts: number): Promise<void>;
  /** Keeps what cannot be read. */
  keepUnreadable(message: TaskMessage, error: ErrorFacts): Promise<void>;
}

export const taskRetryAfterMs = [2000, 10_000, 30_000, 60_000, 300_000] as const;
/** Tasks taken with one question to the broker, and slots held while it is asked. */
const takenAtOnce = 8;
const idlePauseMs = { first: 50, longest: 1000 };
const parkPausesMs = [200, 1000, 3000] as const;
const parkAgainAfterMs = 10_000;

interface Environment {
  log: Log;
  keepAliveMs: number;
}

/** A delivery at work in this process; a second delivery of the same task is adopted instead of worked on. */
interface InHand {
  message: TaskMessage;
}

/**
 * Works on tasks until stopped: takes one only when the gate has a slot (so that no busy worker hoards them), keeps
 * it alive, and settles it by the verdict. The broker's own delivery limit is off: attempts are counted here, so that
 * a task whose worker died in the last attempt comes back once more, is recognized and parked, instead of vanishing
 * inside the broker with an advisory that nobody may have heard.
 */
export function runTasks<T>(
  source: TaskSource,
  options: TaskConsumerOptions<T>,
  environment: Environment,
): Running {
  const runner = new TaskRunner(source, options, environment);
  return { stop: () => runner.stop() };
}

class TaskRunner<T> {
  private readonly source: TaskSource;
  private readonly options: TaskConsumerOptions<T>;
  private readonly log: Log;
  private readonly keepAliveMs: number;
  /** Fields of every log line. */
  private readonly place: object;
  private readonly stopping = new AbortController();
  private readonly inHand = new Map<string, InHand>();
  private readonly working = new Set<Promise<void>>();
  private readonly looping: Promise<void>;
  /** Aborted, and replaced, when a task was settled: the broker may have held back others for it. */
  private settled = new AbortController();

  constructor(source: TaskSource, options: TaskConsumerOptions<T>, environment: Environment) {
    this.source = source;
    this.options = options;
    this.log = environment.log;
    this.keepAliveMs = environment.keepAliveMs;
    this.place = { kind: options.kind, pool: options.pool, owner: options.owner };
    this.looping = this.loop().catch((error: unknown) => {
      this.log.error({ error, ...this.place }, 'task loop ended');
    });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.looping;
    await Promise.all(this.working);
  }

  private async loop(): Promise<void> {
    const idle = growingPause(idlePauseMs.first, idlePauseMs.longest);
    const { signal } = this.stopping;
    while (!signal.aborted) {
      const free = await this.enterFree();
      if (free.length === 0) return;
      const taken = await this.look(free);
      for (const leave of free) leave();
      if (taken === 0) await this.source.hint(idle.next(), AbortSignal.any([signal, this.settled.signal]));
      if (taken > 0 || this.settled.signal.aborted) idle.reset();
      if (this.settled.signal.aborted) this.settled = new AbortController();
    }
  }

  /** Waits for one slot and takes more that are free. None when it is stopped. */
  private async enterFree(): Promise<(() => void)[]> {
    const { gate } = this.options;
    const free: (() => void)[] = [];
    try {
      do free.push(await gate.enter(this.stopping.signal));
      while (free.length < takenAtOnce && gate.busy < gate.slots);
      return free;
    } catch (error) {
      for (const leave of free) leave();
      if (!this.stopping.signal.aborted) throw error;
      return [];
    }
  }

  /** Begins what comes, each task with a slot of `free`. Answers how many. */
  private async look(free: (() => void)[]): Promise<number> {
    let taken = 0;
    try {
      await this.source.take(free.length, (message) => {
        const leave = free.pop();
        if (leave === undefined) return message.nak(0);
        taken += 1;
        this.begin(message, leave);
      });
    } catch (error) {
      if (!this.stopping.signal.aborted) this.log.warn({ error, ...this.place }, 'tasks cannot be taken now');
    }
    return taken;
  }

  private begin(message: TaskMessage, leave: () => void): void {
    const already = this.inHand.get(message.id);
    if (already !== undefined) {
      // The broker gave it out again because it did not hear from us: answer the newest delivery from now on.
      already.message = message;
      message.working();
      leave();
      return;
    }
    const held: InHand = { message };
    this.inHand.set(message.id, held);
    const keepAlive = setInterval(() => held.message.working(), this.keepAliveMs);
    const work = withinTrace(message.trace, () => this.settle(held, message.attempt, leave))
      .catch((error: unknown) => {
        // Not settled: it comes again after the ack wait.
        this.log.error({ error, task: message.id, ...this.place }, 'a task could not be settled');
      })
      .finally(() => {
        clearInterval(keepAlive);
        this.letGo(held);
        this.working.delete(work);
        leave();
        // With a reason, because the one that is made without costs a stack.
        this.settled.abort('settled');
      });
    this.working.add(work);
  }

  /** Before it is given back: its next delivery may come at once and must not be taken for a repeat of this one. */
  private letGo(held: InHand): void {
    if (this.inHand.get(held.message.id) === held) this.inHand.delete(held.message.id);
  }

  private async settle(held: InHand, attempt: number, leave: () => void): Promise<void> {
    const task = this.parsed(held.message);
    if ('error' in task) return await this.giveUpUnreadable(held, task.error);
    const { maxDeliver } = this.options;
    if (attempt > maxDeliver) return await this.park(held, task.value, taskFaults.abandoned(attempt - 1));
    const verdict = await this.attemptOnce(task.value, held.message.id, attempt);
    leave();
    switch (verdict.kind) {
      case 'done':
        return held.message.ack();
      case 'retry':
        if (attempt >= maxDeliver) {
          return await this.park(held, task.value, verdict.error ?? taskFaults.exhausted(attempt));
        }
        this.letGo(held);
        return held.message.nak(Math.max(verdict.afterMs, 0));
      case 'postpone':
        // Held here, kept alive: a delayed nak would count as an attempt.
        await pause(verdict.afterMs, this.stopping.signal);
        this.letGo(held);
        return await this.source.repost(held.message, attempt - 1);
      case 'park':
        return await this.park(held, task.value, verdict.error ?? taskFaults.parkedFor(verdict.reason));
    }
  }

  private parsed(message: TaskMessage): { value: T } | { error: ErrorFacts } {
    try {
      return { value: this.options.parse(JSON.parse(message.text)) };
    } catch (error) {
      return { error: taskFaults.unreadable(error) };
    }
  }

  private async attemptOnce(task: T, messageId: string, attempt: number): Promise<Verdict> {
    const { handle, maxDeliver, retryAfterMs = taskRetryAfterMs } = this.options;
    try {
      const last = attempt >= maxDeliver;
      return await handle(task, { attempt, last, messageId, stopping: this.stopping.signal });
    } catch (error) {
      this.log.warn({ error, task: messageId, attempt, ...this.place }, 'a task failed');
      return { kind: 'retry', afterMs: pauseAfter(attempt, retryAfterMs), error: errorFacts(error) };
    }
  }

  private async park(held: InHand, task: T, error: ErrorFacts): Promise<void> {
    const report = () => this.options.onParked(task, error);
    if (!(await this.persist(report, held, 'a task could not be parked yet'))) return;
    this.log.warn({ task: held.message.id, reason: error, ...this.place }, 'task parked');
    held.message.term();
  }

  private async giveUpUnreadable(held: InHand, error: ErrorFacts): Promise<void> {
    const { text, id } = held.message;
    const report = async () => {
      await this.source.keepUnreadable(held.message, error);
      await this.options.onUnreadable?.(text, error);
    };
    if (!(await this.persist(report, held, 'an unreadable task could not be kept yet'))) return;
    const start = text.slice(0, 500);
    this.log.error({ task: id, reason: error, text: start, ...this.place }, 'unreadable task');
    held.message.term();
  }

  /** Tries several times; false when it did not work, then the message is given back for later. */
  private async persist(report: () => Promise<void>, held: InHand, failure: string): Promise<boolean> {
    for (const pauseMs of [...parkPausesMs, undefined]) {
      try {
        await report();
        return true;
      } catch (error) {
        this.log.error({ error, task: held.message.id, ...this.place }, failure);
        if (pauseMs !== undefined) await pause(pauseMs, this.stopping.signal);
      }
    }
    this.letGo(held);
    held.message.nak(parkAgainAfterMs);
    return false;
  }
}
