import { defaultRetentionSettings, retentionSettingsSchema } from '@holdfast/contracts';
import { upsert } from '@holdfast/store';
import { type Route, route } from '../http/route.ts';
import type { ApiPorts } from '../ports.ts';

const tag = 'settings';
const responses = { 200: { description: 'The settings of retention', schema: retentionSettingsSchema } };

const get = (ports: ApiPorts): Route =>
  route({
    method: 'get',
    path: '/settings/retention',
    operationId: 'getRetentionSettings',
    tag,
    summary:
      'Show when retention runs, how long what goes waits, when the guard stops it, how long records stay',
    responses,
    async handler() {
      const { retention } = (await ports.collections.settings.get('global'))?.doc ?? {};
      return { body: retention ?? defaultRetentionSettings };
    },
  });

const put = (ports: ApiPorts): Route =>
  route({
    method: 'put',
    path: '/settings/retention',
    operationId: 'changeRetentionSettings',
    tag,
    summary: 'Change the settings of retention; what is left out has its default',
    body: retentionSettingsSchema,
    responses,
    async handler({ body }) {
      await upsert(ports.collections.settings, 'global', (before) => ({
        ...(before ?? { id: 'global' as const }),
        retention: body,
      }));
      return { body };
    },
  });

export const retentionSettingsRoutes = (ports: ApiPorts): Route[] => [get, put].map((make) => make(ports));
