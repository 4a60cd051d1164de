import {
  type EventData,
  type EventName,
  eventData,
  eventMeanings,
  eventNames,
  eventSubject,
  type HoldfastEvent,
  makeEvent,
} from '@holdfast/contracts';
import { z } from 'zod';
import { exampleOf, type Schema } from './exampleOf.ts';

const schemaOf = (name: EventName): Schema => z.toJSONSchema(eventData[name]) as Schema;

const exampleTime = '2026-01-05T02:10:00.000Z';
const sources: readonly [beginning: string, source: string][] = [
  ['mailbox.', 'sync'],
  ['restore-point.created', 'sync'],
  ['restore', 'restore'],
  ['retention', 'retention'],
  ['alert.', 'notify'],
  ['notification.', 'notify'],
  ['run.', 'scheduler'],
  ['proxy.', 'scheduler'],
];

/** What the field names alone would get wrong. */
const particular: Partial<Record<EventName, object>> = {
  'alert.raised': {
    ...{ kind: 'job-overdue', jobId: 'job-5b21c0de9f10', organizationId: 'org-0a1b2c3d4e5f' },
    message:
      'Job "Nightly" should have run 2026-01-05 02:10 (UTC), and did not. It ran last 2026-01-04 02:10.',
    remedy: 'Check that the scheduler runs, then start it by hand.',
  },
  'alert.cleared': {
    ...{ kind: 'job-overdue', jobId: 'job-5b21c0de9f10', organizationId: 'org-0a1b2c3d4e5f' },
    message: 'The job ran, or is not expected to any more.',
  },
};

/** An event of this name with example data, as a subscriber gets it. */
export function exampleEvent(name: EventName): HoldfastEvent {
  const data = { ...(exampleOf(schemaOf(name)) as object), ...particular[name] } as EventData<EventName>;
  const source = sources.find(([beginning]) => name.startsWith(beginning))?.[1] ?? 'api';
  const subject = String(Object.values(data)[0]);
  return makeEvent(name, { source, subject, key: 'example', time: exampleTime, data });
}

function typeText(schema: Schema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${String(value)}\``).join(', ');
  if (schema.properties !== undefined) return `object: ${Object.keys(schema.properties).join(', ')}`;
  if (schema.format === 'date-time') return 'time';
  return String(schema.type ?? 'any');
}

function eventSection(name: EventName): string {
  const schema = schemaOf(name);
  const rows = Object.entries(schema.properties ?? {}).map(
    ([field, one]) =>
      `| \`${field}\`${schema.required?.includes(field) ? '' : ' (optional)'} | ${typeText(one)} |`,
  );
  return [
    `### ${name}`,
    '',
    eventMeanings[name],
    '',
    '| field of `data` | type |',
    '| --- | --- |',
    ...rows,
    '',
    `Subject: \`holdfast.${eventSubject(exampleEvent(name))}\``,
    '',
    '```json',
    JSON.stringify(exampleEvent(name), null, 2),
    '```',
    '',
  ].join('\n');
}

/** The page `docs/events.md`. */
export function eventsPage(): string {
  return `# Events

<!-- Generated from libs/contracts by \`npm run docs\`; do not edit. -->

Facts in the past tense, as [CloudEvents 1.0](https://cloudevents.io) JSON, on the JetStream stream \`holdfast-EVENTS\`
(kept for 30 days), and in the event log of the store (\`GET /api/v1/events\`).

**Subject**: \`holdfast.events.<noun>.<verb>.<organization>.<job>.<mailbox>\`, with \`_\` where one does not apply, so that
you can filter at each position: \`holdfast.events.run.completed.>\` for the outcome of every run,
\`holdfast.events.*.*.org-1.>\` for one organization, \`holdfast.events.mailbox.*.*.job-1.*\` for the mailboxes of a job.

**Delivery** is at least once. The id is deterministic: drop what you have seen. Order is kept a subject, not across
subjects. Fields may be added; a change of meaning is a new version in \`type\` (\`holdfast.run.completed.v1\`).

## Subscribe with NATS

A durable consumer with explicit acks of one's own: nothing is missed while the subscriber is away for less than the
stream keeps. After a longer absence replay from the event log (\`GET /api/v1/events?since=…&order=asc\`).

\`\`\`sh
nats consumer add holdfast-EVENTS tickets --filter 'holdfast.events.run.completed.>' --pull --ack explicit
nats consumer next holdfast-EVENTS tickets
\`\`\`

[examples/subscriber.ts](../examples/subscriber.ts) is such a subscriber in TypeScript.

## Subscribe with a webhook

\`\`\`sh
holdfast webhook add --name tickets --endpoint https://hooks.example.com/holdfast --event 'run.*,alert.*'
holdfast webhook test tickets
\`\`\`

Each event is sent by POST as \`application/cloudevents+json\`. An answer from 200 to 299 within 15 seconds takes it.
Everything else is tried again with growing pauses (10 and 30 seconds, 1, 2, 4 … 60 minutes) for 24 hours; then it is a
dead letter: \`holdfast webhook dead tickets\`, \`holdfast webhook replay tickets\`. 410 ends the tries at once. Redirects
are not followed. Order is not kept. A webhook that takes nothing for five days is suspended.

**Check the signature** ([Standard Webhooks](https://www.standardwebhooks.com); there are libraries for most languages):

| header | |
| --- | --- |
| \`webhook-id\` | the id of the event: drop what you have seen |
| \`webhook-timestamp\` | seconds since 1970, of this try: refuse what is more than 5 minutes off, so that a recorded delivery cannot be sent again |
| \`webhook-signature\` | \`v1,\` and base64 of HMAC-SHA-256 over \`<id>.<timestamp>.<body as it came>\`; the key is the secret without \`whsec_\`, base64 decoded. Several, separated by spaces, for 24 hours after \`webhook rotate-secret\`: one that fits is enough. Compare in constant time |
| \`webhook-attempt\` | number of this try |

[examples/webhookReceiver.ts](../examples/webhookReceiver.ts) does all of this with Node alone.

**Where they may go**: https to public addresses; http to this machine only. Addresses of private networks, there http
as well, after \`holdfast settings set --webhooks-to-private yes\`. Link-local addresses and metadata services of clouds
never, also not by a name or a redirect that leads there.

## Follow in a terminal

\`\`\`sh
holdfast events tail --type 'run.*' --job Nightly --since 2h --json
\`\`\`

## Types

${eventNames.map(eventSection).join('\n')}`;
}

/** The AsyncAPI 3.0 document of the events. */
export function asyncApi(): object {
  const each = <T>(make: (name: EventName) => T) =>
    Object.fromEntries(eventNames.map((name) => [name, make(name)]));
  return {
    asyncapi: '3.0.0',
    info: { title: 'Holdfast events', version: '1.0.0', license: { name: 'Apache-2.0' } },
    defaultContentType: 'application/cloudevents+json',
    servers: { broker: { host: 'localhost:4222', protocol: 'nats' } },
    channels: each((name) => ({
      address: `holdfast.events.${name}.{organization}.{job}.{mailbox}`,
      parameters: { organization: {}, job: {}, mailbox: {} },
      messages: { [name]: { $ref: `#/components/messages/${name}` } },
    })),
    operations: each((name) => ({ action: 'send', channel: { $ref: `#/channels/${name}` } })),
    components: {
      messages: each((name) => ({
        name: `holdfast.${name}.v1`,
        summary: eventMeanings[name],
        examples: [{ payload: exampleEvent(name) }],
        payload: {
          type: 'object',
          required: ['specversion', 'id', 'source', 'type', 'subject', 'time', 'data'],
          properties: {
            specversion: { const: '1.0' },
            id: { type: 'string' },
            source: { type: 'string' },
            type: { const: `holdfast.${name}.v1` },
            subject: { type: 'string' },
            time: { type: 'string', format: 'date-time' },
            data: schemaOf(name),
          },
        },
      })),
    },
  };
}
