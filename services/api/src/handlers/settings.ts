import {
  InvalidInput,
  type Notification,
  newId,
  notificationSchema,
  type Settings,
  settingsInputSchema,
} from '@holdfast/contracts';
import { upsert } from '@holdfast/store';
import { z } from 'zod';
import { Conflict } from '../errors.ts';
import { afterOf, listBody, pageOf, pageQuery } from '../http/paging.ts';
import { type Route, route } from '../http/route.ts';
import { settingsView } from '../http/views.ts';
import type { ApiPorts } from '../ports.ts';
import { lookUp } from './lookUp.ts';

const tag = 'settings';
const none: Settings = { id: 'global' };

function viewOf(settings: Settings) {
  const { mail, baseUrl } = settings;
  const { sealedPassword, ...shown } = mail ?? {};
  return {
    ...(mail === undefined ? {} : { mail: { ...shown, passwordSet: sealedPassword !== undefined } }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
  };
}

/**
 * The mail settings as they are kept. A password that is left out stays, but only for the server and the user it was
 * given for: else whoever may change settings could have it sent elsewhere.
 * @throws InvalidInput
 */
function mailOf(
  ports: ApiPorts,
  input: z.output<typeof settingsInputSchema>['mail'],
  before: Settings['mail'],
): Settings['mail'] {
  if (input === undefined) return undefined;
  const { password, ...rest } = input;
  if (password !== undefined) {
    return { ...rest, sealedPassword: ports.sealing.seal(password, 'settings:mail') };
  }
  if (before?.sealedPassword === undefined || rest.user === undefined) return rest;
  const same = before.host === rest.host && before.port === rest.port && before.user === rest.user;
  const message = 'give it again: the server or the user has changed';
  if (!same) throw new InvalidInput([{ field: 'mail.password', message }]);
  return { ...rest, sealedPassword: before.sealedPassword };
}

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/settings',
    operationId: 'getSettings',
    tag,
    summary: 'Show the global settings',
    responses: { 200: { description: 'The settings; passwords are not shown', schema: settingsView } },
    async handler() {
      return { body: viewOf((await ports.collections.settings.get('global'))?.doc ?? none) };
    },
  });

const put = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/settings',
    operationId: 'changeSettings',
    tag,
    summary: 'Change the global settings: the whole of them',
    description: 'A mail password that is left out stays as it is for the same server and user.',
    body: settingsInputSchema,
    responses: { 200: { description: 'Changed', schema: settingsView } },
    async handler({ body }) {
      const written = await upsert(ports.collections.settings, 'global', (before): Settings => {
        const mail = mailOf(ports, body.mail, before?.mail);
        return {
          id: 'global',
          ...(mail === undefined ? {} : { mail }),
          ...(body.baseUrl === undefined ? {} : { baseUrl: body.baseUrl }),
        };
      });
      return { body: viewOf(written?.doc ?? none) };
    },
  });

const testMail = (ports: ApiPorts): Route =>
  route({
    method: 'post',
    path: '/settings/mail/test',
    operationId: 'testMail',
    tag,
    summary: 'Send a test message with the mail settings',
    body: z.strictObject({
      recipients: z.array(z.email('must be an e-mail address')).min(1).max(20).optional(),
    }),
    bodyOptional: true,
    responses: { 202: { description: 'Notify sends it; see the notification', schema: notificationSchema } },
    async handler({ body }) {
      const mail = (await ports.collections.settings.get('global'))?.doc.mail;
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
  [get, put, testMail, notifications, notification].map((make) => make(ports));
