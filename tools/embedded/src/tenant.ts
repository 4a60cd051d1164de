import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Limits, SimulatorControl, SimulatorOptions } from '@holdfast/exchange-simulator';
import { simulatorControl } from '@holdfast/exchange-simulator';
import { readJsonLine, startManagedProcess } from './managedProcess.ts';

const entry = resolve(fileURLToPath(new URL('../../exchange-simulator/src/main.ts', import.meta.url)));

export interface TenantOptions {
  mailboxes: number;
  /** Generated messages a mailbox. */
  messages: number;
  seed: number;
  profile?: 'standard' | 'small';
  /** Folder of .eml files, mbox or Maildir instead of generated mail. */
  mail?: string;
  largeAttachmentMb?: number;
  fewFolders?: boolean;
  limits?: Partial<Limits>;
  roles?: readonly string[];
  /** Life of access tokens. */
  tokenLifetimeSeconds?: number;
  /** Graph over plain HTTP on this machine, for measurements beside peers that speak plain IMAP. */
  plainHttp?: boolean;
}

/** A simulated Microsoft 365 tenant in a process of its own, and the way to look into it and to change it. */
export interface Tenant {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly caFile: string;
  readonly url: string;
  readonly control: SimulatorControl;
  readonly pid: number;
  /** A cloud record as `HOLDFAST_CLOUDS_FILE` takes it. */
  cloud(name: string): object;
  close(): Promise<void>;
}

const tenantId = '7c1d9f52-3b0a-4e57-9a63-5d0f0b1e2a10';
const clientId = 'c0ffee00-1111-4222-8333-444455556666';
const clientSecret = 'demonstration-secret';

/** Starts the tenant; its files are below `dataDir/tenant`. */
export async function startTenant(dataDir: string, options: TenantOptions): Promise<Tenant> {
  const folder = resolve(dataDir, 'tenant');
  mkdirSync(folder, { recursive: true });
  const config: SimulatorOptions = {
    port: 0,
    ...(options.plainHttp ? { httpPort: 0 } : {}),
    certDir: folder,
    seed: options.seed,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.tokenLifetimeSeconds === undefined
      ? {}
      : { tokenLifetimeSeconds: options.tokenLifetimeSeconds }),
    tenants: [
      {
        tenantId,
        applications: [
          {
            clientId,
            secrets: [
              { value: clientSecret },
              { value: 'expired-secret', expiresAt: '2020-01-01T00:00:00Z' },
            ],
            ...(options.roles === undefined ? {} : { roles: options.roles }),
          },
        ],
        fill: {
          mailboxes: options.mailboxes,
          messagesPerMailbox: options.messages,
          profile: options.profile ?? 'standard',
          ...(options.mail === undefined ? {} : { mail: resolve(options.mail) }),
          ...(options.largeAttachmentMb === undefined
            ? {}
            : { largeAttachmentMb: options.largeAttachmentMb }),
          ...(options.fewFolders === undefined ? {} : { fewFolders: options.fewFolders }),
        },
      },
    ],
  };
  const configFile = join(folder, 'simulator.json');
  writeFileSync(configFile, JSON.stringify(config));
  const child = await startManagedProcess({
    name: 'exchange-simulator',
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', entry, '--config', configFile],
    env: {},
    logFile: join(folder, 'simulator.log'),
    readyFrom: (line) => {
      const facts = readJsonLine(line);
      return facts?.url === undefined ? undefined : facts;
    },
    readyWithinMs: 60_000,
  });
  const url = String(child.facts.url);
  const caFile = String(child.facts.caFile);
  const graphRoot = options.plainHttp ? String(child.facts.httpUrl) : url;
  const graphHost = new URL(graphRoot).host;
  return {
    tenantId,
    clientId,
    clientSecret,
    caFile,
    url,
    control: simulatorControl(url, caFile),
    pid: child.pid,
    cloud: (name) => ({
      name,
      authority: url,
      graphRoot,
      scope: `${graphRoot}/.default`,
      bearerHosts: [graphHost],
      uploadHosts: [graphHost],
    }),
    close: () => child.stop(),
  };
}
