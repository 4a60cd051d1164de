import { hostname } from 'node:os';
import { idSchema } from '@holdfast/contracts';
import { z } from 'zod';

/** Name of this process among all: `<service>-<host>-<pid>`, made of the characters ids may have. */
export function defaultInstance(service: string): string {
  const host = hostname().replaceAll(/[^A-Za-z0-9_-]/g, '-');
  const tail = `-${process.pid}`;
  return `${service}-${host}`.slice(0, 64 - tail.length) + tail;
}

const natsUrl = z
  .string()
  .regex(/^(nats|tls|wss?):\/\/\S+$/, 'must be an address such as nats://127.0.0.1:4222');

/** Settings that every service has; spread it into the service's own schema. */
export const commonSettings = {
  /** Addresses of the broker, comma separated. */
  HOLDFAST_NATS_URL: z
    .string()
    .transform((list) => list.split(',').map((url) => url.trim()))
    .pipe(z.array(natsUrl).min(1))
    .prefault('nats://127.0.0.1:4222')
    .meta({ examples: ['nats://127.0.0.1:4222'] }),
  /** A NATS credentials file (`.creds`), when the broker asks for one. */
  HOLDFAST_NATS_CREDENTIALS_FILE: z
    .string()
    .optional()
    .meta({ examples: ['/etc/holdfast/sync.creds'] }),
  /** First part of all subjects, streams and buckets, so that installations can share a broker. */
  HOLDFAST_PREFIX: idSchema.default('holdfast').meta({ examples: ['holdfast'] }),
  /** Copies of each stream and bucket in a cluster of brokers. */
  HOLDFAST_REPLICAS: z.coerce
    .number()
    .int()
    .min(1)
    .max(5)
    .default(1)
    .meta({ examples: ['3'] }),
  /** The control data. */
  HOLDFAST_STORE: z
    .string()
    .regex(
      /^(sqlite:\/.+|mongodb(\+srv)?:\/\/.+)$/,
      'must be sqlite:/absolute/path or mongodb://host/database',
    )
    .meta({ examples: ['sqlite:/var/lib/holdfast/holdfast.db'] }),
  /** File with the key that seals secrets in the control data. */
  HOLDFAST_SECRET_KEY_FILE: z
    .string()
    .optional()
    .meta({ examples: ['/var/lib/holdfast/secret.key'] }),
  /** Port of /healthz, /readyz and /metrics; 0 takes any free one. */
  HOLDFAST_HEALTH_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(0)
    .meta({ examples: ['8081'] }),
  HOLDFAST_HEALTH_HOST: z
    .string()
    .default('127.0.0.1')
    .meta({ examples: ['0.0.0.0'] }),
  HOLDFAST_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error'])
    .default('info')
    .meta({ examples: ['info'] }),
  /** For drills only, which compress days: how far the clock of this process is ahead of the machine's, ms. */
  HOLDFAST_TEST_CLOCK_OFFSET_MS: z.coerce
    .number()
    .int()
    .default(0)
    .meta({ examples: ['0'] }),
  /** Name of this process in leases, logs and lists; `runService` fills it with `<service>-<host>-<pid>`. */
  HOLDFAST_INSTANCE: idSchema.default(() => defaultInstance('holdfast')).meta({ examples: ['sync-1'] }),
} as const;
