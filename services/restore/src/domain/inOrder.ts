/** Maps inputs as they come with at most `limit` at a time; the results keep the order of the inputs. */
export async function* mapInOrder<T, R>(
  inputs: AsyncIterable<T>,
  limit: number,
  map: (input: T) => Promise<R>,
): AsyncGenerator<R> {
  const running: Promise<R>[] = [];
  try {
    for await (const input of inputs) {
      const one = map(input);
      // Looked at in its turn; until then a failure must not count as unhandled.
      one.catch(() => undefined);
      running.push(one);
      if (running.length >= limit) yield await (running.shift() as Promise<R>);
    }
    while (running.length > 0) yield await (running.shift() as Promise<R>);
  } finally {
    await Promise.allSettled(running);
  }
}
