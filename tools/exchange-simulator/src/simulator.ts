import { rmSync } from 'node:fs';
import { type Clock, createClock } from './clock.ts';
import type { SimulatorControl } from './control/api.ts';
import { createControl } from './control/control.ts';
import { FaultPlan } from './control/faults.ts';
import { Holds } from './control/holds.ts';
import { CONTROL_PATH } from './control/httpControl.ts';
import { Counters } from './control/statistics.ts';
import { Tenant } from './directory/tenant.ts';
import { createCertificate } from './entra/certificates.ts';
import type { EntraState } from './entra/entra.ts';
import { createTokenIssuer } from './entra/tokens.ts';
import type { GraphState } from './graph/context.ts';
import { DeltaTokens } from './graph/deltaTokens.ts';
import { UploadSessions } from './graph/uploadSessions.ts';
import { listen } from './http/server.ts';
import { Meter } from './limits/meter.ts';
import { loadMail } from './loaded/loadedMail.ts';
import { Spool } from './mailbox/spool.ts';
import {
  DEFAULT_CLIENT,
  DEFAULT_SECRET,
  DEFAULT_TENANT,
  defaultLimits,
  type SimulatorOptions,
  type TenantOptions,
} from './options.ts';
import { hashText, Random } from './random.ts';
import { createAnswerer, type World } from './world.ts';

/** A running simulator. */
export interface Simulator {
  /** `https://localhost:PORT`: sign-in, Graph and control on one address. */
  readonly url: string;
  /** Root of Graph, without the version. */
  readonly graphRoot: string;
  /** Root of the sign-in service; the authority of a tenant is this and `/TENANT`. */
  readonly authority: string;
  /** The certificate to trust (NODE_EXTRA_CA_CERTS). */
  readonly caFile: string;
  /** The same over plain HTTP, where it was asked for. */
  readonly httpUrl: string | undefined;
  readonly control: SimulatorControl;
  close(): Promise<void>;
}

/** A test may hand over a message larger than any client could. */
const CONTROL_BODY_BYTES = 512 * 1024 * 1024;

const DEFAULT_TENANTS: readonly TenantOptions[] = [
  {
    tenantId: DEFAULT_TENANT,
    applications: [{ clientId: DEFAULT_CLIENT, secrets: [{ value: DEFAULT_SECRET }] }],
    fill: { mailboxes: 3, messagesPerMailbox: 40, profile: 'small' },
  },
];

/** Everything behind the door: tenants with their mail, limits, faults and counters. */
async function createWorld(
  options: SimulatorOptions,
  clock: Clock,
  seed: number,
  audiences: () => readonly string[],
): Promise<World> {
  const limits = { ...defaultLimits(), ...options.limits };
  const tenants = new Map<string, Tenant>();
  for (const one of options.tenants ?? DEFAULT_TENANTS) {
    const loaded = one.fill?.mail === undefined ? undefined : loadMail(one.fill.mail);
    const tenant = new Tenant(one, seed, loaded);
    tenants.set(tenant.tenantId, tenant);
  }
  const spool = new Spool();
  const uploads = new UploadSessions(spool, clock, seed);
  const random = new Random(hashText(`world ${seed}`));
  const state: GraphState = {
    clock,
    limits,
    spool,
    random,
    tokens: new DeltaTokens(seed),
    uploads,
    chaos: { emptyPages: 0, randomPageSizes: false, duplicates: 0, replays: 0 },
    mailAdvancedEnforcement: options.mailAdvancedEnforcement ?? false,
    uploadHost: options.uploadHost,
  };
  const entra: EntraState = {
    tenants,
    clock,
    issuer: await createTokenIssuer(audiences),
    tokenLifetimeSeconds: options.tokenLifetimeSeconds ?? 3600,
  };
  return {
    entra,
    tenants,
    state,
    meter: new Meter(limits, clock),
    faults: new FaultPlan(hashText(`faults ${seed}`)),
    counters: new Counters(),
    holds: new Holds(),
    uploads,
    outages: { graph: undefined, entra: undefined },
    seed,
  };
}

/** Starts a simulator and resolves when it answers. Throws RangeError for options that make no sense. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const clock = createClock(options.now ?? Date.now);
  const seed = options.seed ?? 1;
  const host = options.host ?? '127.0.0.1';
  const certificate = await createCertificate(clock.now(), options.certDir);
  const audiences: string[] = [];
  const world = await createWorld(options, clock, seed, () => audiences);
  const control = createControl(world);
  const answer = createAnswerer(world, control);
  const onError = (error: unknown) =>
    process.emitWarning(
      `simulator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  const limit = (path: string) =>
    path.startsWith(CONTROL_PATH) ? CONTROL_BODY_BYTES : world.state.limits.maxBodyBytes;
  const common = { host, limit, answer, onError };
  const secure = await listen({ ...common, port: options.port ?? 0, tls: certificate });
  const plain =
    options.httpPort === undefined ? undefined : await listen({ ...common, port: options.httpPort });
  const url = `https://localhost:${secure.port}`;
  const httpUrl = plain ? `http://localhost:${plain.port}` : undefined;
  for (const origin of [url, httpUrl]) if (origin) audiences.push(origin, `${origin}/`);
  audiences.push('https://graph.microsoft.com');
  return {
    url,
    graphRoot: url,
    authority: url,
    caFile: certificate.caFile,
    httpUrl,
    control,
    async close() {
      world.holds.release();
      await Promise.all([secure.close(), plain?.close()]);
      world.state.spool.close();
      if (certificate.temporaryFolder !== undefined)
        rmSync(certificate.temporaryFolder, { recursive: true, force: true });
    },
  };
}
