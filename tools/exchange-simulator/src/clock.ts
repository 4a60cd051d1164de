/** The simulator's time: that of the world, plus what a test has advanced it by. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Moves the clock forward: windows, tokens and sessions age. Throws RangeError for a negative step. */
  advance(milliseconds: number): void;
}

export function createClock(source: () => number): Clock {
  let ahead = 0;
  return {
    now: () => source() + ahead,
    advance(milliseconds) {
      if (!(milliseconds >= 0)) throw new RangeError('a clock is only moved forward');
      ahead += milliseconds;
    },
  };
}
