import { HoldfastError } from '@holdfast/contracts';
import { z } from 'zod';
import { ForeignHost } from './errors.ts';

/** All that belongs to one cloud; never derive one field from another, tokens of one are useless in the next. */
export interface Cloud {
  name: string;
  /** For people; the name when absent. */
  title?: string;
  /** Sign-in service, such as `https://login.microsoftonline.com`. */
  authority: string;
  /** Root of Microsoft Graph, without a path. */
  graphRoot: string;
  scope: string;
  /** Scope of a token for SMTP of Exchange Online; that of the worldwide cloud when absent. */
  mailScope?: string;
  /** Hosts (with the port where there is one) that may get a bearer token. */
  bearerHosts: readonly string[];
  /** Hosts that may get attachment uploads; they never get a token. */
  uploadHosts: readonly string[];
  /** A certificate authority that is trusted for this cloud in addition to the system's, PEM. */
  caPem?: string;
}

/**
 * Microsoft's clouds. Sources: "National cloud deployments" of the Graph documentation; the upload hosts of the
 * national clouds are those of Exchange Online there.
 */
export const clouds: Readonly<Record<string, Cloud>> = {
  global: {
    name: 'global',
    title: 'Microsoft 365 worldwide',
    authority: 'https://login.microsoftonline.com',
    graphRoot: 'https://graph.microsoft.com',
    scope: 'https://graph.microsoft.com/.default',
    bearerHosts: ['graph.microsoft.com'],
    uploadHosts: ['outlook.office.com', 'outlook.office365.com'],
  },
  'us-gov-l4': {
    name: 'us-gov-l4',
    title: 'US Government L4 (GCC High)',
    authority: 'https://login.microsoftonline.us',
    graphRoot: 'https://graph.microsoft.us',
    scope: 'https://graph.microsoft.us/.default',
    mailScope: 'https://outlook.office365.us/.default',
    bearerHosts: ['graph.microsoft.us'],
    uploadHosts: ['outlook.office365.us'],
  },
  'us-gov-l5': {
    name: 'us-gov-l5',
    title: 'US Government L5 (DoD)',
    authority: 'https://login.microsoftonline.us',
    graphRoot: 'https://dod-graph.microsoft.us',
    scope: 'https://dod-graph.microsoft.us/.default',
    mailScope: 'https://outlook-dod.office365.us/.default',
    bearerHosts: ['dod-graph.microsoft.us'],
    uploadHosts: ['outlook-dod.office365.us', 'webmail.apps.mil'],
  },
  china: {
    name: 'china',
    title: 'China (21Vianet)',
    authority: 'https://login.chinacloudapi.cn',
    graphRoot: 'https://microsoftgraph.chinacloudapi.cn',
    scope: 'https://microsoftgraph.chinacloudapi.cn/.default',
    mailScope: 'https://partner.outlook.cn/.default',
    bearerHosts: ['microsoftgraph.chinacloudapi.cn'],
    uploadHosts: ['partner.outlook.cn'],
  },
};

/** Names that people may still know, and why they are refused. */
export const refusedClouds: Readonly<Record<string, string>> = {
  germany:
    'Microsoft Cloud Germany was closed in October 2021 (on 2021-10-29). Its tenants were moved to the global cloud: use "global".',
};

const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** Runs on this machine: no line to save compression for, and plain HTTP leaves no wire to listen on. */
export const isLoopback = (url: URL): boolean => loopback.test(url.hostname);

const rootSchema = z.url().refine(
  (value) => {
    const url = new URL(value);
    return (
      url.pathname === '/' && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)))
    );
  },
  { message: 'must be an https:// address without a path' },
);

const cloudSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9-]{1,40}$/, 'must be lower-case letters, digits and -'),
    authority: rootSchema,
    graphRoot: rootSchema,
    scope: z.string().min(1),
    bearerHosts: z.array(z.string().min(1)).optional(),
    uploadHosts: z.array(z.string().min(1)).optional(),
    caPem: z.string().optional(),
  })
  .transform(({ bearerHosts, uploadHosts, caPem, ...record }): Cloud => {
    const host = new URL(record.graphRoot).host;
    return {
      ...record,
      authority: record.authority.replace(/\/$/, ''),
      graphRoot: record.graphRoot.replace(/\/$/, ''),
      bearerHosts: bearerHosts ?? [host],
      uploadHosts: uploadHosts ?? [host],
      ...(caPem === undefined ? {} : { caPem }),
    };
  });

/**
 * Extra clouds from the text of a file: a JSON array of records. A record may not take the name of one of
 * Microsoft's. @throws HoldfastError `clouds-invalid`
 */
export function parseClouds(json: string): Record<string, Cloud> {
  const invalid = (message: string, cause?: unknown) =>
    new HoldfastError(
      'clouds-invalid',
      'configuration',
      `The file of extra clouds is not valid: ${message}`,
      {
        remedy:
          'It must be a JSON array of { name, authority, graphRoot, scope, bearerHosts?, uploadHosts? }.',
        cause,
      },
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error), error);
  }
  const result = z.array(cloudSchema).safeParse(parsed);
  if (!result.success) throw invalid(z.prettifyError(result.error));
  const extra: Record<string, Cloud> = {};
  for (const cloud of result.data) {
    if (Object.hasOwn(clouds, cloud.name) || Object.hasOwn(extra, cloud.name)) {
      throw invalid(`the name ${cloud.name} is taken`);
    }
    extra[cloud.name] = cloud;
  }
  return extra;
}

/** The record of a cloud. @throws HoldfastError `cloud-refused`, `cloud-unknown` */
export function cloudNamed(name: string, extra: Readonly<Record<string, Cloud>> = {}): Cloud {
  const cloud = clouds[name] ?? extra[name];
  if (cloud !== undefined) return cloud;
  const refused = refusedClouds[name];
  if (refused !== undefined) {
    throw new HoldfastError('cloud-refused', 'configuration', refused, {
      remedy: 'Choose another cloud for the organization.',
    });
  }
  const known = [...Object.keys(clouds), ...Object.keys(extra)].join(', ');
  throw new HoldfastError('cloud-unknown', 'configuration', `There is no cloud named "${name}".`, {
    remedy: `Use one of: ${known}.`,
  });
}

/** @throws ForeignHost when the address must not get the cloud's bearer token */
export function requireBearerHost(cloud: Cloud, url: URL): void {
  if (url.protocol !== new URL(cloud.graphRoot).protocol || !cloud.bearerHosts.includes(url.host)) {
    throw new ForeignHost('An address from Graph', url.host, cloud.bearerHosts);
  }
}

/** @throws ForeignHost when the address must not get uploads */
export function requireUploadHost(cloud: Cloud, url: URL): void {
  if (url.protocol !== new URL(cloud.graphRoot).protocol || !cloud.uploadHosts.includes(url.host)) {
    throw new ForeignHost('The upload address', url.host, cloud.uploadHosts);
  }
}
