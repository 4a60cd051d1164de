export interface WindowLimit {
  /** At most this much in any window. */
  limit: number;
  windowMs: number;
}

const slotsPerWindow = 120;

/**
 * Meters what was used in the last `windowMs`, in slots that expire as a whole: it may refuse a slot too long, it
 * never allows more than the limit. A burst from a standing start is free, as it is with Microsoft's limits.
 */
export class SlidingWindow {
  private readonly limit: number;
  private readonly windowMs: number;
  private readonly slotMs: number;
  private slots: { at: number; used: number }[] = [];
  private total = 0;

  constructor({ limit, windowMs }: WindowLimit) {
    this.limit = limit;
    this.windowMs = windowMs;
    this.slotMs = Math.max(1, Math.floor(windowMs / slotsPerWindow));
  }

  /** Takes `amount` and returns 0, or returns the ms after which to ask again. More than the limit fits when empty. */
  reserve(amount: number, nowMs: number): number {
    this.expire(nowMs);
    if (this.total > 0 && this.total + amount > this.limit) return this.waitFor(amount, nowMs);
    const last = this.slots.at(-1);
    const at = Math.floor(nowMs / this.slotMs) * this.slotMs;
    if (last !== undefined && last.at >= at) last.used += amount;
    else this.slots.push({ at, used: amount });
    this.total += amount;
    return 0;
  }

  /** A slot counts until the youngest thing it may hold is out of the window. */
  private endOf(slot: { at: number }): number {
    return slot.at + this.slotMs + this.windowMs;
  }

  private expire(nowMs: number): void {
    let gone = 0;
    for (const slot of this.slots) {
      if (this.endOf(slot) > nowMs) break;
      this.total -= slot.used;
      gone++;
    }
    if (gone > 0) this.slots = this.slots.slice(gone);
  }

  private waitFor(amount: number, nowMs: number): number {
    let left = this.total;
    for (const slot of this.slots) {
      left -= slot.used;
      if (left === 0 || left + amount <= this.limit) return Math.max(1, this.endOf(slot) - nowMs);
    }
    return this.slotMs;
  }
}
