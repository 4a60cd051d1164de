import {
  addressListSchema,
  alertSettingsSchema,
  defaultAlertSettings,
  defaultRetentionSettings,
  exclusionsSchema,
  InvalidInput,
  type MailOauth,
  mailSettingsInputSchema,
  type Notification,
  newId,
  notificationSchema,
  type Settings,
  settingsInputSchema,
  type WebhookSettings,
  webhookSettingsSchema,
} from '@holdfast/contracts';
import { upsert } from '@holdfast/store';
import { z } from 'zod';
import { Conflict } from '../errors.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { settingsView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { announce } from './announcements.ts';
import { lookUp } from './lookUp.ts';

const tag = 'settings';
const none: Settings = { id: 'global' };
const noWebhookSettings: WebhookSettings = { allowPrivateNetworks: false };

/** What is in force: the defaults where nothing was set; passwords never leave. */
function viewOf(settings: Settings) {
  const { mail, id: _id, ...rest } = settings;
  const { sealedPassword, oauth, ...shown } = mail ?? {};
  const { sealedClientSecret: _secret, ...application } = oauth ?? {};
  return {
    alerts: defaultAlertSettings,
    retention: defaultRetentionSettings,
    webhooks: noWebhookSettings,
    ...rest,
    ...(mail === undefined
      ? {}
      : {
          mail: {
            ...shown,
            ...(oauth === undefined ? {} : { oauth: application }),
            passwordSet: sealedPassword !== undefined,
          },
        }),
  };
}

type MailInput = z.output<typeof mailSettingsInputSchema>;

/**
 * The mail settings as they are kept. A secret that is left out stays, but only for the server, the user and the
 * application it was given for: else whoever may change settings could have it sent elsewhere. `path` leads to the
 * fields in the request.
 * @throws InvalidInput
 */
function mailOf(
  ports: ApiPorts,
  input: MailInput,
  before: Settings['mail'],
  path: string,
): NonNullable<Settings['mail']> {
  const { password, oauth, ...given } = input;
  if (oauth !== undefined)
    return { ...mailOf(ports, given, undefined, path), oauth: oauthOf(ports, input, before, path) };
  const rest = { ...given, changedAt: new Date(ports.clock.now()).toISOString() };
  if (password !== undefined) {
    return { ...rest, sealedPassword: ports.sealing.seal(password, 'settings:mail') };
  }
  if (before?.sealedPassword === undefined || rest.user === undefined) return rest;
  const same = before.host === rest.host && before.port === rest.port && before.user === rest.user;
  const message = 'give it again: the server or the user has changed';
  if (!same) throw new InvalidInput([{ field: `${path}password`, message }]);
  return { ...rest, sealedPassword: before.sealedPassword };
}

/** The application that signs in. @throws InvalidInput */
function oauthOf(
  ports: ApiPorts,
  input: MailInput,
  before: Settings['mail'],
  path: string,
): MailOauth | undefined {
  if (input.oauth === undefined) return undefined;
  const { clientSecret, ...application } = input.oauth;
  const refuse = (name: string, message: string) =>
    new InvalidInput([{ field: `${path}oauth.${name}`, message }]);
  const refusal = ports.cloudRefusal(application.cloud);
  if (refusal !== undefined) throw refuse('cloud', refusal);
  if (clientSecret !== undefined) {
    return { ...application, sealedClientSecret: ports.sealing.seal(clientSecret, 'settings:mail-oauth') };
  }
  const known = before?.oauth;
  if (before === undefined || known === undefined) throw refuse('clientSecret', 'is missing');
  const isSame =
    (['host', 'port', 'user'] as const).every((name) => before[name] === input[name]) &&
    (['cloud', 'tenantId', 'clientId'] as const).every((name) => known[name] === application[name]);
  if (!isSame)
    throw refuse('clientSecret', 'give it again: the server, the user or the application has changed');
  return { ...application, sealedClientSecret: known.sealedClientSecret };
}

async function current(ports: ApiPorts): Promise<Settings> {
  return (await ports.collections.settings.get('global'))?.doc ?? none;
}

/** Changes the one document; `change` may run several times. */
async function change(ports: ApiPorts, edit: (before: Settings) => Settings) {
  const written = await upsert(ports.collections.settings, 'global', (before) => edit(before ?? none));
  return { body: viewOf(written?.doc ?? none) };
}

const shown = { 200: { description: 'The settings; passwords are not shown', schema: settingsView } };
const keepsPassword =
  'A password or client secret that is left out stays as it is for the same server, user and application.';

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/settings',
    operationId: 'getSettings',
    tag,
    summary: 'Show the global settings',
    responses: shown,
    async handler() {
      return { body: viewOf(await current(ports)) };
    },
  });

const put = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/settings',
    operationId: 'changeSettings',
    tag,
    summary: 'Change the global settings: the whole of them',
    description: `${keepsPassword} What is left out otherwise is as if it had never been set.`,
    body: settingsInputSchema,
    responses: shown,
    handler: ({ body: { mail, ...rest } }) =>
      change(ports, (before) => ({
        ...rest,
        ...(mail === undefined ? {} : { mail: mailOf(ports, mail, before.mail, 'mail.') }),
        id: 'global',
      })),
  });

const putMail = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/settings/mail',
    operationId: 'changeMailSettings',
    tag,
    summary: 'Change the mail settings: the whole of them, and nothing else',
    description: keepsPassword,
    body: mailSettingsInputSchema,
    responses: shown,
    handler: ({ body }) =>
      change(ports, (before) => ({ ...before, mail: mailOf(ports, body, before.mail, '') })),
  });

const removeMail = (ports: ApiPorts): Route =>
  route({
    method: 'delete',
    path: '/settings/mail',
    operationId: 'removeMailSettings',
    tag,
    summary: 'Forget the mail settings with their password; no mail is sent any more',
    responses: { 204: { description: 'Forgotten' } },
    async handler() {
      await change(ports, ({ mail: _mail, ...rest }) => rest);
      return {};
    },
  });

const putAlerts = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/settings/alerts',
    operationId: 'changeAlertSettings',
    tag,
    summary: 'Change which alerts are raised, and when; what is left out has its default',
    body: alertSettingsSchema,
    responses: shown,
    handler: ({ body }) => change(ports, (before) => ({ ...before, alerts: body })),
  });

const putExclude = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/settings/exclude',
    operationId: 'changeGlobalExclusions',
    tag,
    summary: 'Change what no job backs up: the whole of it, and nothing else',
    body: exclusionsSchema,
    responses: shown,
    handler: ({ body }) => change(ports, (before) => ({ ...before, exclude: body })),
  });

const putWebhooks = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/settings/webhooks',
    operationId: 'changeWebhookSettings',
    tag,
    summary: 'Change where webhooks may go',
    body: webhookSettingsSchema,
    responses: shown,
    handler: ({ body }) => change(ports, (before) => ({ ...before, webhooks: body })),
  });

const testMail = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/settings/mail/test',
    operationId: 'testMail',
    tag,
    summary: 'Send a test message with the mail settings',
    body: z.strictObject({ recipients: addressListSchema.optional() }),
    bodyOptional: true,
    responses: { 202: { description: 'Notify sends it; see the notification', schema: notificationSchema } },
    async handler({ body, caller }) {
      const { mail } = await current(ports);
      const recipients = body.recipients ?? mail?.recipients ?? [];
      if (mail === undefined || recipients.length === 0) {
        throw new Conflict(
          'no-mail-settings',
          'there is no mail server or no recipient',
          'PUT /api/v1/settings first.',
        );
      }
      const id = newId('test');
      const domain = mail.from.split('@').at(-1) ?? 'holdfast.invalid';
      const notification: Notification = {
        id: `test.${id}`,
        kind: 'test',
        refersTo: id,
        recipients,
        subject: 'Holdfast: test message',
        messageId: `<${id}@${domain}>`,
        state: 'pending',
        tries: 0,
        createdAt: new Date(ports.clock.now()).toISOString(),
      };
      await ports.collections.notifications.insert(notification);
      const asked = { notificationId: notification.id, kind: 'test', requestedBy: caller.name };
      await announce(ports, 'notification.requested', notification.id, notification.id, asked);
      return { body: notification, headers: { location: `../notifications/${notification.id}` } };
    },
  });

const notifications = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/notifications',
    operationId: 'listNotifications',
    tag,
    summary: 'List the messages to people, newest first',
    query: z.strictObject({ ...pageQuery, state: notificationSchema.shape.state.optional() }),
    responses: { 200: { description: 'A page', schema: pageOf(notificationSchema) } },
    async handler({ query: { limit, after, state } }) {
      const page = await ports.collections.notifications.find({
        where: state === undefined ? {} : { state },
        sort: { field: 'createdAt', order: 'desc' },
        limit,
        ...afterOf(after),
      });
      return { body: listBody(page, (doc) => doc) };
    },
  });

const notification = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/notifications/{notificationId}',
    operationId: 'getNotification',
    tag,
    summary: 'Show a message to people and whether it was sent',
    params: z.object({ notificationId: z.string().min(1).max(200) }),
    responses: { 200: { description: 'The notification', schema: notificationSchema } },
    async handler({ params: { notificationId } }) {
      return { body: (await lookUp(ports.collections.notifications, 'notification', notificationId)).doc };
    },
  });

export const settingsRoutes = (ports: ApiPorts): Route[] =>
  [
    get,
    put,
    putMail,
    removeMail,
    putAlerts,
    putExclude,
    putWebhooks,
    testMail,
    notifications,
    notification,
  ].map((make) => make(ports));
