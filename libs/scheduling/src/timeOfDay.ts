import { addDays, dateIn, instantOf } from './zonedTime.ts';

/** The first moment after an instant at which the clocks of a zone show a time of day such as `05:00`. */
export function nextTimeOfDay(time: string, timeZone: string, afterMs: number): number {
  return around(time, timeZone, afterMs).find((ms) => ms > afterMs) ?? Number.NaN;
}

/** The newest moment up to an instant (included) at which the clocks of a zone showed a time of day. */
export function lastTimeOfDay(time: string, timeZone: string, untilMs: number): number {
  return around(time, timeZone, untilMs).findLast((ms) => ms <= untilMs) ?? Number.NaN;
}

/** The moments of five days around an instant: a zone may leave out a day, and put its clocks back over midnight. */
function around(time: string, timeZone: string, instantMs: number): number[] {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  const today = dateIn(timeZone, instantMs);
  return [-2, -1, 0, 1, 2].map((days) => instantOf(timeZone, addDays(today, days), hour, minute));
}
