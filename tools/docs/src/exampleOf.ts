/** The part of JSON Schema that event data are made of. */
export interface Schema {
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  format?: string;
  minimum?: number;
  pattern?: string;
}

/** Values that say more than a type can, by the name of the field. */
const byName: Readonly<Record<string, unknown>> = {
  runId: 'run-4f0c9a1be2d3',
  jobId: 'job-5b21c0de9f10',
  organizationId: 'org-0a1b2c3d4e5f',
  repositoryId: 'repo-77aa88bb99cc',
  mailboxId: 'mbx-2f6c1d0e9b8a7c6d5e4f3a2b',
  mailboxAddress: 'ann@contoso.example',
  taskId: 'run-4f0c9a1be2d3.mbx-2f6c1d0e9b8a7c6d5e4f3a2b',
  pointId: '8d5e4f3a2b2f6c1d0e9b8a7c',
  pointName: '20260105T021000000Z.full.8d5e4f3a2b2f6c1d0e9b8a7c',
  sessionId: 'restore-31d2c4b5a697',
  proxyId: 'sync-server1-4711',
  pool: 'default',
  webhookId: 'hook-9c8b7a6d5e4f',
  alertId: 'alert-6d5e4f3a2b2f6c1d0e9b8a7c',
  notificationId: 'run-report.run-4f0c9a1be2d3',
  requestedBy: 'admin',
  approvedBy: 'admin',
  by: 'admin',
  kind: 'run-report',
  refersTo: 'run-4f0c9a1be2d3',
  about: 'job-5b21c0de9f10',
  name: 'Main',
  organizationName: 'Contoso',
  version: '0.1.0',
  message: 'the mailbox is locked by an administrator',
  remedy: 'Unlock the mailbox in the admin center.',
  code: 'mailbox-locked',
  errorClass: 'permanent-mailbox',
  outcome: 'success',
  number: 41,
  total: 100,
  success: 100,
  mailboxes: 100,
  itemsNew: 1204,
  itemsTotal: 412300,
  bytesRead: 96400000,
  bytesStored: 41200000,
  freeBytes: 9000000000,
  totalBytes: 100000000000,
  freePercent: 9,
};

const time = '2026-01-05T02:10:00.000Z';

/** An example that the schema takes; optional fields are left out, except within totals. */
export function exampleOf(schema: Schema, name = ''): unknown {
  if (schema.const !== undefined) return schema.const;
  const [variant] = schema.anyOf ?? schema.oneOf ?? [];
  if (variant !== undefined) return exampleOf(variant, name);
  if (schema.enum !== undefined) return schema.enum.includes(byName[name]) ? byName[name] : schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  const known = byName[name];
  switch (type) {
    case 'object':
      return Object.fromEntries(
        Object.entries(schema.properties ?? {})
          .filter(([field]) => schema.required?.includes(field))
          .map(([field, one]) => [field, exampleOf(one, field)]),
      );
    case 'array':
      return schema.items === undefined ? [] : [exampleOf(schema.items, name.replace(/s$/, ''))];
    case 'boolean':
      return false;
    case 'integer':
    case 'number':
      return typeof known === 'number' ? known : Math.max(0, schema.minimum ?? 0);
    default:
      if (schema.format === 'date-time') return time;
      return typeof known === 'string' ? known : name.endsWith('Id') ? `${name.slice(0, -2)}-1` : 'text';
  }
}
