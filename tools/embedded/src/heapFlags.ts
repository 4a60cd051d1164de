/** Slots of a worker by default, and the heap that keeps it below 400 MiB with them (docs/performance.md). */
const fewSlots = 8;
const heapOfFewMiB = 512;
const heapOfEachMoreMiB = 64;

/** How much of V8's memory a service may use, as flags of its process. */
export function heapFlags(service: string, env: Readonly<Record<string, string | undefined>>): string[] {
  // By default the young generation of each thread grows by tens of MiB that are never given back.
  const small = '--max-semi-space-size=4';
  switch (service) {
    case 'restore':
    case 'scheduler':
      return [small];
    case 'sync': {
      const slots = Number(env.HOLDFAST_SLOTS ?? fewSlots);
      // A stated limit makes the collector tidy up while there is little to tidy; one that is too small for what many
      // mailboxes hold makes it do nothing else. Settings that are no number stop the service itself, by their name.
      const more = Number.isFinite(slots) ? Math.max(0, slots - fewSlots) : 0;
      const young = more === 0 ? small : '--max-semi-space-size=32';
      return [young, `--max-old-space-size=${heapOfFewMiB + more * heapOfEachMoreMiB}`];
    }
    default:
      return [];
  }
}
