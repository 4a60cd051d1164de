import type { EngineClock } from '../ports.ts';

/** A clock that moves only when told to; timers fire in order of their time. */
export class ManualClock implements EngineClock {
  #now: number;
  #monotonic = 0;
  #timers: { at: number; action: () => void }[] = [];

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, action: () => void): () => void {
    const timer = { at: this.#monotonic + ms, action };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Lets time pass and fires what is due. */
  advance(ms: number): void {
    this.#now += ms;
    this.#monotonic += ms;
    for (let due = this.#due(); due; due = this.#due()) {
      this.#timers = this.#timers.filter((other) => other !== due);
      due.action();
    }
  }

  /** As after a suspended host: the wall clock went on, the monotonic one did not. */
  suspend(ms: number): void {
    this.#now += ms;
  }

  #due(): { at: number; action: () => void } | undefined {
    return this.#timers.filter(({ at }) => at <= this.#monotonic).sort((a, b) => a.at - b.at)[0];
  }
}
