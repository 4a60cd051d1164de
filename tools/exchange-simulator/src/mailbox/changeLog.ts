/**
 * What changed in one folder (or among the folders of a mailbox), in order: the memory behind delta queries. It
 * grows with changes only, never with contents.
 */
export class ChangeLog {
  readonly #sequences: number[] = [];
  readonly #numbers: number[] = [];
  readonly #last = new Map<number, number>();
  readonly #entered = new Map<number, number>();
  readonly #left = new Map<number, number>();

  /** Notes that `number` changed at `sequence`; `entered` when it was not there before. */
  append(sequence: number, number: number, entered: boolean): void {
    this.#sequences.push(sequence);
    this.#numbers.push(number);
    this.#last.set(number, sequence);
    if (entered) this.#entered.set(number, sequence);
  }

  /**
   * Numbers whose latest change lies after `after` and not after `until`, in order of that change. Each comes once;
   * one that changed again after `until` is left to the next round.
   */
  *changes(after: number, until: number): Generator<{ sequence: number; number: number }> {
    for (let at = this.#firstAfter(after); at < this.#sequences.length; at++) {
      const sequence = this.#sequences[at] ?? 0;
      if (sequence > until) return;
      const number = this.#numbers[at] ?? 0;
      if (this.#last.get(number) === sequence) yield { sequence, number };
    }
  }

  /** Whether anything lies after `after` and not after `until`. */
  hasChanges(after: number, until: number): boolean {
    return !this.changes(after, until).next().done;
  }

  /** Notes with how many moves behind it `number` leaves: its regular id in this place. */
  noteLeft(number: number, moves: number): void {
    this.#left.set(number, moves);
  }

  /** The moves that `number` had when it left, 0 if it never did. */
  movesWhenLeft(number: number): number {
    return this.#left.get(number) ?? 0;
  }

  /** When `number` entered, or 0 if it was there from the beginning. */
  enteredAt(number: number): number {
    return this.#entered.get(number) ?? 0;
  }

  #firstAfter(sequence: number): number {
    let low = 0;
    let high = this.#sequences.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sequences[middle] ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
