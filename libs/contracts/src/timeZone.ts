import { z } from 'zod';

// Asking Intl costs some 60 µs each time; a list of a thousand jobs would hold the event loop for that long.
const knownZones = new Set<string>();
const mostKnownZones = 1_000;

/** An IANA time zone. */
export const timeZoneSchema = z.string().refine(
  (zone) => {
    if (knownZones.has(zone)) return true;
    try {
      new Intl.DateTimeFormat('en', { timeZone: zone });
      if (knownZones.size < mostKnownZones) knownZones.add(zone);
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  },
  { message: 'must be an IANA time zone such as Europe/Berlin' },
);

/** A time of day on the clocks of a zone. */
export const timeOfDaySchema = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be a time of day such as 21:30');
