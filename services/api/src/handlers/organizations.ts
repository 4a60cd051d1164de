import {
  type Application,
  type ApplicationInput,
  type Check,
  type Credential,
  InvalidInput,
  idSchema,
  newId,
  type Organization,
  type OrganizationPatch,
  organizationInputSchema,
  organizationPatchSchema,
  verificationSchema,
} from '@holdfast/contracts';
import { modify } from '@holdfast/store';
import { z } from 'zod';
import { checkCertificate } from '../domain/certificate.ts';
import { Conflict, NotFound } from '../errors.ts';
import { etagOf, requireMatch } from '../http/etag.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { organizationView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { exists, lookUp } from './lookUp.ts';
import { poolFor } from './poolFor.ts';

const tag = 'organizations';
const inventoryView = z.object({
  mailboxes: z.number(),
  gone: z.number(),
  unknownGroups: z.array(z.string()).optional(),
});
const params = z.object({ organizationId: idSchema });
// A verification asks the directory several things in turn; an inventory reads all users.
const verifyTimeoutMs = 180_000;
const inventoryTimeoutMs = 300_000;

type GivenCredential = Pick<OrganizationPatch, 'clientSecret' | 'certificate' | 'secretExpiresAt'>;

/** Seals the credential of an input for the organization it belongs to. */
function sealCredential(
  ports: ApiPorts,
  id: string,
  given: GivenCredential,
  field = '',
): Organization['credential'] | undefined {
  const context = `organization:${id}`;
  if (given.certificate !== undefined) {
    const expiresAt = checkCertificate(given.certificate, field);
    const { certificatePem, privateKeyPem } = given.certificate;
    return {
      kind: 'certificate',
      certificatePem,
      sealedPrivateKey: ports.sealing.seal(privateKeyPem, context),
      expiresAt,
    };
  }
  if (given.clientSecret === undefined) return undefined;
  return {
    kind: 'secret',
    sealedSecret: ports.sealing.seal(given.clientSecret, context),
    ...(given.secretExpiresAt === undefined ? {} : { expiresAt: given.secretExpiresAt }),
  };
}

/** The application for restores with its credential sealed. */
function sealApplication(ports: ApiPorts, id: string, given: ApplicationInput): Application {
  const credential = sealCredential(ports, id, given, 'restoreApplication.');
  if (credential === undefined) throw new TypeError('the schema lets no application without credential pass');
  return { clientId: given.clientId, credential };
}

const credentialView = ({ kind, expiresAt }: Credential) => ({
  kind,
  ...(expiresAt === undefined ? {} : { expiresAt }),
});

function viewOf({ credential, restoreApplication, ...rest }: Organization) {
  const own = { ...rest, credential: credentialView(credential) };
  if (restoreApplication === undefined) return own;
  const { clientId } = restoreApplication;
  return {
    ...own,
    restoreApplication: { clientId, credential: credentialView(restoreApplication.credential) },
  };
}

/** The ETag covers what users set: a verification does not make a change stale. */
function tagOf({ name, cloud, clientId, credential, restoreApplication }: Organization): string {
  const seals = [credential, restoreApplication?.credential].map((one) =>
    one?.kind === 'secret' ? one.sealedSecret : one?.sealedPrivateKey,
  );
  return etagOf([name, cloud, clientId, restoreApplication?.clientId, seals]);
}
const etagHeader = { ETag: 'Names this state of the organization; send it as If-Match with a change.' };

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
    responses: {
      201: { description: 'Added; verify it next', schema: organizationView, headers: etagHeader },
    },
    async handler({ body }) {
      checkCloud(ports, body.cloud);
      await requireFreeName(ports, body.name);
      const id = newId('org');
      const credential = sealCredential(ports, id, body);
      if (credential === undefined) throw new TypeError('the schema lets no input without credential pass');
      const { name, cloud, tenantId, clientId } = body;
      const createdAt = new Date(ports.clock.now()).toISOString();
      const organization: Organization = {
        ...{ id, name, cloud, tenantId, clientId, credential, createdAt },
        ...(body.restoreApplication === undefined
          ? {}
          : { restoreApplication: sealApplication(ports, id, body.restoreApplication) }),
      };
      await ports.collections.organizations.insert(organization);
      await announce(ports, 'organization.changed', id, `${id}/added`, {
        organizationId: id,
        change: 'added',
      });
      const headers = { location: `organizations/${id}`, etag: tagOf(organization) };
      return { body: viewOf(organization), headers };
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
    responses: { 200: { description: 'The organization', schema: organizationView, headers: etagHeader } },
    async handler({ params: { organizationId } }) {
      const { doc } = await lookUp(ports.collections.organizations, 'organization', organizationId);
      return { body: viewOf(doc), headers: { etag: tagOf(doc) } };
    },
  });

const change = (ports: ApiPorts): Route =>
  route({
    method: 'patch',
    path: '/organizations/{organizationId}',
    operationId: 'changeOrganization',
    tag,
    summary: 'Change the name, the cloud, an application or its credential',
    description: 'What is left out stays. `restoreApplication: null` goes back to one application.',
    params,
    body: organizationPatchSchema,
    headers: [
      {
        name: 'If-Match',
        required: false,
        description: 'The ETag as you read it: refuses what was changed since.',
      },
    ],
    responses: {
      200: { description: 'Changed; verify it again', schema: organizationView, headers: etagHeader },
    },
    async handler({ params: { organizationId }, body, header }) {
      const { doc: before } = await lookUp(ports.collections.organizations, 'organization', organizationId);
      const match = header('if-match');
      if (match !== undefined) requireMatch(match, tagOf(before));
      if (body.cloud !== undefined) checkCloud(ports, body.cloud);
      if (body.secretExpiresAt !== undefined && body.clientSecret === undefined) requireSecret(before);
      if (body.name !== undefined && body.name !== before.name) await requireFreeName(ports, body.name);
      const changed = changeOf(ports, organizationId, body);
      const written = await modify(ports.collections.organizations, organizationId, (doc) => {
        if (match !== undefined) requireMatch(match, tagOf(doc));
        return changed(doc);
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
      return { body: viewOf(written.doc), headers: { etag: tagOf(written.doc) } };
    },
  });

/** A date can only be given to a secret. @throws InvalidInput */
function requireSecret({ credential }: Organization): void {
  if (credential.kind === 'secret') return;
  const message = 'belongs to a client secret; a certificate says itself when it ends';
  throw new InvalidInput([{ field: 'secretExpiresAt', message }]);
}

/** Carries out a change; secrets are sealed once, whatever is tried again. */
function changeOf(
  ports: ApiPorts,
  id: string,
  body: OrganizationPatch,
): (organization: Organization) => Organization {
  const credential = sealCredential(ports, id, body);
  const { restoreApplication: given } = body;
  const application = given === undefined || given === null ? given : sealApplication(ports, id, given);
  return ({ verification, restoreApplication, ...doc }) => {
    const isSame =
      body.cloud === undefined &&
      body.clientId === undefined &&
      credential === undefined &&
      application === undefined;
    const restores = application === undefined ? restoreApplication : (application ?? undefined);
    const dated =
      credential ??
      (body.secretExpiresAt === undefined
        ? doc.credential
        : { ...doc.credential, expiresAt: body.secretExpiresAt });
    return {
      ...doc,
      credential: dated,
      // What was verified is not what is set now.
      ...(isSame && verification !== undefined ? { verification } : {}),
      ...(restores === undefined ? {} : { restoreApplication: restores }),
      ...(body.name === undefined ? {} : { name: body.name }),
      ...(body.cloud === undefined ? {} : { cloud: body.cloud }),
      ...(body.clientId === undefined ? {} : { clientId: body.clientId }),
    };
  };
}

/** What Microsoft tells of the end of a secret is kept: it is what the daily look goes by. */
function withEnds(organization: Organization, checks: readonly Check[]): Organization {
  const endOf = (application: 'backup' | 'restore') =>
    checks.find(
      (check) => check.code === 'credential.expiry' && (check.application ?? 'backup') === application,
    )?.expiresAt;
  const dated = (credential: Credential, end: string | undefined): Credential =>
    end === undefined ? credential : { ...credential, expiresAt: end };
  const { restoreApplication } = organization;
  return {
    ...organization,
    credential: dated(organization.credential, endOf('backup')),
    ...(restoreApplication === undefined
      ? {}
      : {
          restoreApplication: {
            ...restoreApplication,
            credential: dated(restoreApplication.credential, endOf('restore')),
          },
        }),
  };
}

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
    query: z.strictObject({
      mailboxes: z.coerce
        .number()
        .int()
        .min(1)
        .max(100_000)
        .optional()
        .meta({ description: 'Mailboxes tried at most, spread over the directory; 500 when absent.' }),
    }),
    responses: {
      200: { description: 'The checks, also kept with the organization', schema: verificationSchema },
    },
    async handler({ params: { organizationId }, query: { mailboxes: probe } }) {
      const { organizations } = ports.collections;
      await lookUp(organizations, 'organization', organizationId);
      const { checks } = await ports.ask(
        'verifyOrganization',
        { organizationId, ...(probe === undefined ? {} : { probe }) },
        { timeoutMs: verifyTimeoutMs, pool: await poolFor(ports, organizationId) },
      );
      const verification = { at: new Date(ports.clock.now()).toISOString(), checks };
      const written = await modify(organizations, organizationId, (doc) => ({
        ...withEnds(doc, checks),
        verification,
      }));
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
    body: z.strictObject({
      groupIds: z.array(z.string().min(1).max(200)).max(1000).default([]),
      /** Ask for the types of mailboxes too, which takes a request for twenty of them. */
      kinds: z.boolean().default(false),
    }),
    bodyOptional: true,
    responses: {
      200: { description: 'Numbers', schema: inventoryView },
    },
    async handler({ params: { organizationId }, body: { groupIds, kinds } }) {
      await lookUp(ports.collections.organizations, 'organization', organizationId);
      const question = { organizationId, groupIds, kinds };
      const pool = await poolFor(ports, organizationId);
      return { body: await ports.ask('refreshInventory', question, { timeoutMs: inventoryTimeoutMs, pool }) };
    },
  });

export const organizationRoutes = (ports: ApiPorts): Route[] =>
  [add, list, get, change, remove, verify, inventory].map((make) => make(ports));
