import { type ConsumerConfig, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import { isMissing } from './brokerErrors.ts';

/** API error: somebody else made a consumer of this name just now. */
const consumerExists = 10148;

/** For `catch`: undefined for the expected error, any other is thrown on. */
export const unless = (expected: (error: unknown) => boolean) => (error: unknown) => {
  if (!expected(error)) throw error;
  return undefined;
};

/** Makes a durable consumer, or adapts what of it can be changed. */
export async function ensureConsumer(
  jsm: JetStreamManager,
  stream: string,
  config: Partial<ConsumerConfig>,
): Promise<void> {
  const durable = config.durable_name ?? '';
  const found = await jsm.consumers.info(stream, durable).catch(unless(isMissing));
  if (found === undefined) {
    await jsm.consumers.add(stream, config).catch(
      // Another process was faster; what differs is adapted at its or our next look.
      unless((error) => error instanceof JetStreamApiError && error.code === consumerExists),
    );
    return;
  }
  const { max_ack_pending, ack_wait } = found.config;
  if (max_ack_pending !== config.max_ack_pending || ack_wait !== config.ack_wait) {
    await jsm.consumers.update(stream, durable, { ...found.config, ...config });
  }
}
