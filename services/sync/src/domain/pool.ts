/**
 * Runs `work` over the inputs with at most `limit` at a time, results in the order of the inputs. After the first
 * error nothing new is started; what is running is awaited, then the error is thrown.
 */
export async function mapPool<T, R>(
  inputs: readonly T[],
  limit: number,
  work: (input: T) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(inputs.length);
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed && next < inputs.length) {
      const at = next++;
      try {
        results[at] = await work(inputs[at] as T);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = Array.from({ length: Math.min(limit, inputs.length) }, lane);
  const settled = await Promise.allSettled(lanes);
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
  return results;
}
