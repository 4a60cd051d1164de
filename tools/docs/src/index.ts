import { type EventName, eventData, eventMeanings, eventNames } from '@holdfast/contracts';
import { z } from 'zod';

type Schema = {
  type?: string | string[];
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  format?: string;
};

const schemaOf = (name: EventName): Schema => z.toJSONSchema(eventData[name]) as Schema;

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

**Subscribe** with a durable consumer and explicit acks; after a longer absence replay from the event log.

\`\`\`json
{
  "specversion": "1.0",
  "id": "evt-2f6c1d0e9b8a7c6d5e4f3a2b",
  "source": "holdfast/scheduler",
  "type": "holdfast.run.completed.v1",
  "name": "run.completed",
  "subject": "run-4f0c9a1be2d3",
  "time": "2026-01-05T02:10:00.000Z",
  "datacontenttype": "application/json",
  "data": { "runId": "run-4f0c9a1be2d3", "outcome": "warning" }
}
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
