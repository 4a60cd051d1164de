/** At some 5 to 10 µs a document: a loop of reads holds up the event loop for about 2 ms at a time. */
const documentsPerBreath = 250;

/**
 * Reads of SQLite are synchronous, so a caller that awaits one after the other would never let timers and sockets
 * have their turn. Everybody who reads comes by here, and every so many documents the event loop goes round once.
 */
export function createBreather(): (documents: number) => Promise<void> | undefined {
  let read = 0;
  return (documents) => {
    read += documents;
    if (read < documentsPerBreath) return undefined;
    read = 0;
    return new Promise<void>((resolve) => setImmediate(resolve));
  };
}
