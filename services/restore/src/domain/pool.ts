/**
 * Runs `work` over the inputs as they come with at most `limit` at a time. After the first error nothing new is
 * started; what is running is awaited, then the error is thrown.
 */
export async function forEachAtOnce<T>(
  inputs: AsyncIterable<T>,
  limit: number,
  work: (input: T) => Promise<void>,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  try {
    for await (const input of inputs) {
      const one: Promise<void> = work(input)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => running.delete(one));
      running.add(one);
      if (running.size >= limit) await Promise.race(running);
      if (failure !== undefined) break;
    }
  } finally {
    await Promise.all(running);
  }
  if (failure !== undefined) throw failure.error;
}
