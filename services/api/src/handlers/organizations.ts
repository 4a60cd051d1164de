import {
  InvalidInput,
  idSchema,
  newId,
  type Organization,
  organizationInputSchema,
  verificationSchema,
} from '@holdfast/contracts';
import { modify } from '@holdfast/store';
import { z } from 'zod';
import { certificateEnd, checkCertificate } from '../domain/certificate.ts';
import { Conflict, NotFound } from '../errors.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { organizationView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { exists, lookUp } from './lookUp.ts';

const tag = 'organizations';
const params = z.object({ organizationId: idSchema });
// A verification asks the directory several things in turn; an inventory reads all users.
const verifyTimeoutMs = 60_000;
const inventoryTimeoutMs = 300_000;

/** What can be changed of an organization. The tenant cannot: mailboxes are known by it. */
export const organizationPatchSchema = z
  .strictObject({
    name: organizationInputSchema.shape.name.optional(),
    cloud: z.string().optional(),
    clientId: organizationInputSchema.shape.clientId.optional(),
    clientSecret: organizationInputSchema.shape.clientSecret,
    certificate: organizationInputSchema.shape.certificate,
  })
  .refine((input) => input.clientSecret === undefined || input.certificate === undefined, {
    path: ['clientSecret'],
    message: 'give either clientSecret or certificate, not both',
  });

type GivenCredential = Pick<z.output<typeof organizationPatchSchema>, 'clientSecret' | 'certificate'>;

/** Seals the credential of an input for the organization it belongs to. */
function sealCredential(
  ports: ApiPorts,
  id: string,
  given: GivenCredential,
): Organization['credential'] | undefined {
  const context = `organization:${id}`;
  if (given.certificate !== undefined) {
    checkCertificate(given.certificate);
    const { certificatePem, privateKeyPem } = given.certificate;
    return {
      kind: 'certificate',
      certificatePem,
      sealedPrivateKey: ports.sealing.seal(privateKeyPem, context),
    };
  }
  if (given.clientSecret === undefined) return undefined;
  return { kind: 'secret', sealedSecret: ports.sealing.seal(given.clientSecret, context) };
}

function viewOf(organization: Organization) {
  const { credential, ...rest } = organization;
  const expiresAt = credential.kind === 'certificate' ? certificateEnd(credential.certificatePem) : undefined;
  return {
    ...rest,
    credential: { kind: credential.kind, ...(expiresAt === undefined ? {} : { expiresAt }) },
  };
}

function checkCloud(ports: ApiPorts, cloud: string): void {
  const refusal = ports.cloudRefusal(cloud);
  if (refusal !== undefined) throw new InvalidInput([{ field: 'cloud', message: refusal }]);
}

async function requireFreeName(ports: ApiPorts, name: string): Promise<void> {
  if (!(await exists(ports.collections.organizations, { name }))) return;
  throw new Conflict('name-taken', `there is an organization named "${name}"`, 'Choose another name.');
}

const add = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/organizations',
    operationId: 'addOrganization',
    tag,
    summary: 'Add an organization; its secret is sealed and never shown again',
    body: organizationInputSchema,
    responses: { 201: { description: 'Added; verify it next', schema: organizationView } },
    async handler({ body }) {
      checkCloud(ports, body.cloud);
      await requireFreeName(ports, body.name);
      const id = newId('org');
      const credential = sealCredential(ports, id, body);
      if (credential === undefined) throw new TypeError('the schema lets no input without credential pass');
      const { name, cloud, tenantId, clientId } = body;
      const createdAt = new Date(ports.clock.now()).toISOString();
      const organization: Organization = { id, name, cloud, tenantId, clientId, credential, createdAt };
      await ports.collections.organizations.insert(organization);
      await announce(ports, 'organization.changed', id, `${id}/added`, {
        organizationId: id,
        change: 'added',
      });
      return { body: viewOf(organization), headers: { location: `organizations/${id}` } };
    },
  });

const list = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/organizations',
    operationId: 'listOrganizations',
    tag,
    summary: 'List organizations by name',
    query: z.strictObject(pageQuery),
    responses: { 200: { description: 'A page', schema: pageOf(organizationView) } },
    async handler({ query: { limit, after } }) {
      const sort = { field: 'name', order: 'asc' } as const;
      const page = await ports.collections.organizations.find({ sort, limit, ...afterOf(after) });
      return { body: listBody(page, viewOf) };
    },
  });

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/organizations/{organizationId}',
    operationId: 'getOrganization',
    tag,
    summary: 'Show an organization and its last verification',
    params,
    responses: { 200: { description: 'The organization', schema: organizationView } },
    async handler({ params: { organizationId } }) {
      const { doc } = await lookUp(ports.collections.organizations, 'organization', organizationId);
      return { body: viewOf(doc) };
    },
  });

const change = (ports: ApiPorts): Route =>
  route({
    method: 'patch',
    path: '/organizations/{organizationId}',
    operationId: 'changeOrganization',
    tag,
    summary: 'Change the name, the cloud, the application or its credential',
    params,
    body: organizationPatchSchema,
    responses: { 200: { description: 'Changed; verify it again', schema: organizationView } },
    async handler({ params: { organizationId }, body }) {
      const { doc: before } = await lookUp(ports.collections.organizations, 'organization', organizationId);
      if (body.cloud !== undefined) checkCloud(ports, body.cloud);
      if (body.name !== undefined && body.name !== before.name) await requireFreeName(ports, body.name);
      const credential = sealCredential(ports, organizationId, body);
      const written = await modify(ports.collections.organizations, organizationId, (doc) => {
        const { verification, ...rest } = doc;
        const connection = body.cloud ?? body.clientId ?? credential;
        return {
          ...rest,
          // What was verified is not what is set now.
          ...(connection === undefined && verification !== undefined ? { verification } : {}),
          ...(body.name === undefined ? {} : { name: body.name }),
          ...(body.cloud === undefined ? {} : { cloud: body.cloud }),
          ...(body.clientId === undefined ? {} : { clientId: body.clientId }),
          ...(credential === undefined ? {} : { credential }),
        };
      });
      if (written === undefined) throw new NotFound('organization', organizationId);
      const data = { organizationId, change: 'changed' } as const;
      await announce(
        ports,
        'organization.changed',
        organizationId,
        `${organizationId}/${written.version}`,
        data,
      );
      return { body: viewOf(written.doc) };
    },
  });

const remove = (ports: ApiPorts): Route =>
  route({
    method: 'delete',
    path: '/organizations/{organizationId}',
    operationId: 'removeOrganization',
    tag,
    summary: 'Remove an organization; refused while a job uses it',
    description: 'Its restore points stay in their repositories.',
    params,
    responses: { 204: { description: 'Removed' } },
    async handler({ params: { organizationId } }) {
      await lookUp(ports.collections.organizations, 'organization', organizationId);
      const job = await firstJobOf(ports, organizationId);
      if (job !== undefined) {
        throw new Conflict('organization-in-use', `job "${job}" backs it up`, 'Delete its jobs first.');
      }
      await ports.collections.organizations.delete(organizationId);
      const data = { organizationId, change: 'removed' } as const;
      await announce(ports, 'organization.changed', organizationId, `${organizationId}/removed`, data);
      return {};
    },
  });

/** Name of a job that uses the organization. Jobs are few, and not indexed by organization. */
async function firstJobOf(ports: ApiPorts, organizationId: string): Promise<string | undefined> {
  let after: string | undefined;
  do {
    const page = await ports.collections.jobs.find({ limit: 1000, ...afterOf(after) });
    const found = page.items.find(({ doc }) => doc.organizationId === organizationId);
    if (found !== undefined) return found.doc.name;
    after = page.next;
  } while (after !== undefined);
  return undefined;
}

const verify = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/organizations/{organizationId}/verify',
    operationId: 'verifyOrganization',
    tag,
    summary: 'Check the connection, check by check; a proxy does it',
    params,
    responses: {
      200: { description: 'The checks, also kept with the organization', schema: verificationSchema },
    },
    async handler({ params: { organizationId } }) {
      const { organizations } = ports.collections;
      await lookUp(organizations, 'organization', organizationId);
      const { checks } = await ports.ask(
        'verifyOrganization',
        { organizationId },
        { timeoutMs: verifyTimeoutMs },
      );
      const verification = { at: new Date(ports.clock.now()).toISOString(), checks };
      const written = await modify(organizations, organizationId, (doc) => ({ ...doc, verification }));
      if (written === undefined) throw new NotFound('organization', organizationId);
      const data = { organizationId, change: 'verified' } as const;
      await announce(
        ports,
        'organization.changed',
        organizationId,
        `${organizationId}/${written.version}`,
        data,
      );
      return { body: verification };
    },
  });

const inventory = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/organizations/{organizationId}/inventory',
    operationId: 'refreshInventory',
    tag,
    summary: 'Read users and groups from the directory; a proxy does it',
    params,
    body: z.strictObject({ groupIds: z.array(z.string().min(1).max(200)).max(1000).default([]) }),
    bodyOptional: true,
    responses: {
      200: { description: 'Numbers', schema: z.object({ mailboxes: z.number(), gone: z.number() }) },
    },
    async handler({ params: { organizationId }, body: { groupIds } }) {
      await lookUp(ports.collections.organizations, 'organization', organizationId);
      const question = { organizationId, groupIds };
      return { body: await ports.ask('refreshInventory', question, { timeoutMs: inventoryTimeoutMs }) };
    },
  });

export const organizationRoutes = (ports: ApiPorts): Route[] =>
  [add, list, get, change, remove, verify, inventory].map((make) => make(ports));
