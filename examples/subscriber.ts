// Follows Holdfast's events on NATS JetStream and prints one line for each.
// node examples/subscriber.ts [nats://127.0.0.1:4222] [event name, such as run.completed] [prefix]
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';

const [servers = 'nats://127.0.0.1:4222', name = 'run.completed', prefix = 'holdfast'] =
  process.argv.slice(2);
const stream = `${prefix}-EVENTS`;
const durable = `example-${name.replaceAll('.', '-')}`;

const connection = await connect({ servers });
// A durable consumer of one's own: the broker remembers what was acknowledged, also while this program is away.
const manager = await jetstreamManager(connection);
await manager.consumers.add(stream, {
  durable_name: durable,
  // Below the name: organization, job and mailbox, `_` where one does not apply. Any of them can be filtered.
  filter_subject: `${prefix}.events.${name}.>`,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  max_deliver: 20,
});
const consumer = await jetstream(connection).consumers.get(stream, durable);
const messages = await consumer.consume();

process.on('SIGTERM', () => messages.stop());
process.on('SIGINT', () => messages.stop());
console.log(JSON.stringify({ ready: true, stream, durable }));

// Delivery is at least once; the id of an event is the same however often it comes. Keep it where your effects are
// kept, in the same transaction: a set in memory is enough for a line of text only.
const seen = new Set<string>();
for await (const message of messages) {
  const event = message.json<{ id: string; name: string; time: string; data: Record<string, unknown> }>();
  if (!seen.has(event.id)) {
    console.log(JSON.stringify({ id: event.id, name: event.name, time: event.time, data: event.data }));
    seen.add(event.id);
  }
  // After the effect, never before: what is not acknowledged comes again.
  message.ack();
}
await connection.drain();
