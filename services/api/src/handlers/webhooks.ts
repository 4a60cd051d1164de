import {
  InvalidInput,
  idSchema,
  newId,
  type Webhook,
  webhookInputSchema,
  webhookUrlRefusal,
} from '@holdfast/contracts';
import { modify } from '@holdfast/store';
import { z } from 'zod';
import { newWebhookSecret } from '../domain/webhookSecret.ts';
import { Conflict, NotFound } from '../errors.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { newWebhookView, webhookView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { exists, lookUp } from './lookUp.ts';

const tag = 'webhooks';
const params = z.object({ webhookId: idSchema });
/** The secret before stays valid for so long, so that receivers can be changed one after the other. */
const overlapMs = 24 * 60 * 60_000;

const fields = webhookInputSchema.shape;
/** Each field is optional; null takes a limit away. */
export const webhookPatchSchema = z.strictObject({
  name: fields.name.optional(),
  url: fields.url.optional(),
  events: fields.events.unwrap().optional(),
  organizationId: idSchema.nullable().optional(),
  jobId: idSchema.nullable().optional(),
  enabled: z.boolean().optional(),
});
type Patch = z.output<typeof webhookPatchSchema>;

const nowIso = (ports: ApiPorts): string => new Date(ports.clock.now()).toISOString();

function viewOf(webhook: Webhook) {
  const { sealedSecret: _secret, previousSecret, ...shown } = webhook;
  return previousSecret === undefined ? shown : { ...shown, previousSecretUntil: previousSecret.until };
}

/** Refuses an address that deliveries would never go to, and ids of what is not there. @throws InvalidInput */
async function check(ports: ApiPorts, input: Pick<Patch, 'url' | 'organizationId' | 'jobId'>): Promise<void> {
  const problems: { field: string; message: string }[] = [];
  const { settings, organizations, jobs } = ports.collections;
  if (input.url !== undefined) {
    const refusal = webhookUrlRefusal(input.url, (await settings.get('global'))?.doc.webhooks);
    if (refusal !== undefined) problems.push({ field: 'url', message: refusal });
  }
  const { organizationId, jobId } = input;
  if (typeof organizationId === 'string' && (await organizations.get(organizationId)) === undefined)
    problems.push({ field: 'organizationId', message: 'there is no organization with this id' });
  if (typeof jobId === 'string' && (await jobs.get(jobId)) === undefined)
    problems.push({ field: 'jobId', message: 'there is no job with this id' });
  if (problems.length > 0) throw new InvalidInput(problems);
}

async function requireFreeName(ports: ApiPorts, name: string): Promise<void> {
  if (!(await exists(ports.collections.webhooks, { name }))) return;
  throw new Conflict('name-taken', `there is a webhook named "${name}"`, 'Choose another name.');
}

const add = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/webhooks',
    operationId: 'addWebhook',
    tag,
    summary: 'Add a webhook: events are sent to its address, signed',
    description: 'The secret is shown once, here. docs/events.md tells how a receiver checks the signature.',
    body: webhookInputSchema,
    responses: { 201: { description: 'Added', schema: newWebhookView } },
    async handler({ body }) {
      await check(ports, body);
      await requireFreeName(ports, body.name);
      const id = newId('hook');
      const secret = newWebhookSecret();
      const createdAt = nowIso(ports);
      const sealedSecret = ports.sealing.seal(secret, `webhook:${id}`);
      const webhook: Webhook = { ...body, id, sealedSecret, createdAt, eventsFrom: createdAt };
      await ports.collections.webhooks.insert(webhook);
      await announce(ports, 'webhook.changed', id, `${id}/added`, { webhookId: id, change: 'added' });
      return { body: { ...viewOf(webhook), secret }, headers: { location: `webhooks/${id}` } };
    },
  });

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/webhooks',
    operationId: 'listWebhooks',
    tag,
    summary: 'List webhooks by name, and how they fare',
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(webhookView) } },
    async handler({ query: { limit, after } }) {
      const sort = { field: 'name', order: 'asc' } as const;
      const page = await ports.collections.webhooks.find({ sort, limit, ...afterOf(after) });
      return { body: listBody(page, viewOf) };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/webhooks/{webhookId}',
    operationId: 'getWebhook',
    tag,
    summary: 'Show a webhook',
    params,
    responses: { 200: { description: 'The webhook', schema: webhookView } },
    async handler({ params: { webhookId } }) {
      return { body: viewOf((await lookUp(ports.collections.webhooks, 'webhook', webhookId)).doc) };
    },
  });

/** The webhook with a change; what it filters, or that it is on again, counts from now. */
function changed(before: Webhook, patch: Patch, at: string): Webhook {
  const { organizationId, jobId, ...plain } = patch;
  const { organizationId: oldOrganization, jobId: oldJob, ...rest } = before;
  const place = (given: string | null | undefined, old: string | undefined) =>
    given === undefined ? old : (given ?? undefined);
  const organization = place(organizationId, oldOrganization);
  const job = place(jobId, oldJob);
  const given = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  const after: Webhook = {
    ...rest,
    ...given,
    ...(organization === undefined ? {} : { organizationId: organization }),
    ...(job === undefined ? {} : { jobId: job }),
  };
  const filterOf = (webhook: Webhook) => [
    webhook.events,
    webhook.organizationId,
    webhook.jobId,
    webhook.enabled,
  ];
  const resumes = patch.enabled === true && before.suspendedAt !== undefined;
  const counts = resumes || JSON.stringify(filterOf(before)) !== JSON.stringify(filterOf(after));
  const { suspendedAt, failingSince, lastError, ...healed } = after;
  return {
    ...(patch.enabled === true || patch.url !== undefined ? healed : after),
    eventsFrom: counts ? at : before.eventsFrom,
  };
}

const change = (ports: ApiPorts): Route =>
  route({
    method: 'patch',
    path: '/webhooks/{webhookId}',
    operationId: 'changeWebhook',
    tag,
    summary: 'Change a webhook; what is left out stays',
    description: 'A changed filter counts from now. `enabled: true` also lifts a suspension.',
    params,
    body: webhookPatchSchema,
    responses: { 200: { description: 'Changed', schema: webhookView } },
    async handler({ params: { webhookId }, body }) {
      const { doc: before } = await lookUp(ports.collections.webhooks, 'webhook', webhookId);
      await check(ports, body);
      if (body.name !== undefined && body.name !== before.name) await requireFreeName(ports, body.name);
      const at = nowIso(ports);
      const written = await modify(ports.collections.webhooks, webhookId, (doc) => changed(doc, body, at));
      if (written === undefined) throw new NotFound('webhook', webhookId);
      const key = `${webhookId}/${written.version}`;
      await announce(ports, 'webhook.changed', webhookId, key, { webhookId, change: 'changed' });
      return { body: viewOf(written.doc) };
    },
  });

const rotate = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/webhooks/{webhookId}/rotate-secret',
    operationId: 'rotateWebhookSecret',
    tag,
    summary: 'Give a webhook a new secret, shown once',
    description:
      'For 24 hours deliveries carry a signature of each, so that receivers can change without a gap.',
    params,
    responses: { 200: { description: 'Rotated', schema: newWebhookView } },
    async handler({ params: { webhookId } }) {
      const secret = newWebhookSecret();
      const sealedSecret = ports.sealing.seal(secret, `webhook:${webhookId}`);
      const until = new Date(ports.clock.now() + overlapMs).toISOString();
      const written = await modify(ports.collections.webhooks, webhookId, (doc) => ({
        ...doc,
        sealedSecret,
        previousSecret: { sealedSecret: doc.sealedSecret, until },
      }));
      if (written === undefined) throw new NotFound('webhook', webhookId);
      const key = `${webhookId}/${written.version}`;
      await announce(ports, 'webhook.changed', webhookId, key, { webhookId, change: 'secret-rotated' });
      return { body: { ...viewOf(written.doc), secret } };
    },
  });

const remove = (ports: ApiPorts): Route =>
  route({
    method: 'delete',
    path: '/webhooks/{webhookId}',
    operationId: 'removeWebhook',
    tag,
    summary: 'Remove a webhook; what waits for it is not sent any more',
    params,
    responses: { 204: { description: 'Removed' } },
    async handler({ params: { webhookId } }) {
      await lookUp(ports.collections.webhooks, 'webhook', webhookId);
      await ports.collections.webhooks.delete(webhookId);
      await announce(ports, 'webhook.changed', webhookId, `${webhookId}/removed`, {
        webhookId,
        change: 'removed',
      });
      return {};
    },
  });

export const webhookRoutes = (ports: ApiPorts): Route[] =>
  [add, list, get, change, rotate, remove].map((make) => make(ports));
