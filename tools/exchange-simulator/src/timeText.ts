const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAY_MS = 86_400_000;
const PAIRS: readonly string[] = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, '0'));

interface Day {
  readonly iso: string;
  readonly mail: string;
}

/** Days that were written lately: taking a date apart is the costly part, and mail shares its days. */
const known = new Map<number, Day>();
const mostKnown = 4000;

function dayOf(number: number): Day {
  let day = known.get(number);
  if (day === undefined) {
    const date = new Date(number * DAY_MS);
    const iso = date.toISOString().slice(0, -14);
    const mail = `${DAYS[date.getUTCDay()]}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
    day = { iso, mail };
    if (known.size >= mostKnown) known.clear();
    known.set(number, day);
  }
  return day;
}

function clockOf(at: number, day: number): string {
  const seconds = Math.floor((at - day * DAY_MS) / 1000);
  const minutes = Math.floor(seconds / 60);
  return `${PAIRS[Math.floor(minutes / 60)]}:${PAIRS[minutes % 60]}:${PAIRS[seconds % 60]}`;
}

/** A time as Graph writes it. Throws RangeError for what is no time. */
export function graphTime(at: number): string {
  const day = Math.floor(at / DAY_MS);
  return `${dayOf(day).iso}T${clockOf(at, day)}Z`;
}

/** The day of a time as Graph writes it. */
export const graphDay = (at: number): string => dayOf(Math.floor(at / DAY_MS)).iso;

/** A time as RFC 5322 wants it, in UTC. */
export function mailDate(at: number): string {
  const day = Math.floor(at / DAY_MS);
  return `${dayOf(day).mail} ${clockOf(at, day)} +0000`;
}
