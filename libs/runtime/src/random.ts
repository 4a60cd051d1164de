import { randomBytes } from 'node:crypto';

/** Chance as domain code sees it; tests pass a seeded one. */
export interface Random {
  /** A number from 0 (included) to 1 (excluded). */
  next(): number;
  /** Unpredictable bytes. */
  bytes(size: number): Uint8Array;
}

/** The machine's chance; both functions come from the system's cryptographic source. */
export const systemRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  bytes: (size) => randomBytes(size),
};
