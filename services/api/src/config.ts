import { idSchema } from '@holdfast/contracts';
import { commonSettings } from '@holdfast/runtime';
import { z } from 'zod';

/** Settings of the API. */
export const apiSettings = z.object({
  ...commonSettings,
  /** Address to listen on; this machine only unless told otherwise. */
  HOLDFAST_API_HOST: z
    .string()
    .default('127.0.0.1')
    .meta({ examples: ['0.0.0.0'] }),
  /** 0 takes any free port. */
  HOLDFAST_API_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(8480)
    .meta({ examples: ['8480'] }),
  /** PEM files; HTTPS when both are given. */
  HOLDFAST_API_TLS_CERT_FILE: z
    .string()
    .optional()
    .meta({ examples: ['/etc/holdfast/api.crt'] }),
  HOLDFAST_API_TLS_KEY_FILE: z
    .string()
    .optional()
    .meta({ examples: ['/etc/holdfast/api.key'] }),
  /** Where the first administrator token is written, for programs. */
  HOLDFAST_FIRST_TOKEN_FILE: z
    .string()
    .optional()
    .meta({ examples: ['/var/lib/holdfast/admin-token'] }),
  /** Pool that verifies organizations, explores and restores. */
  HOLDFAST_POOL: idSchema.default('default').meta({ examples: ['default'] }),
  /** JSON file with clouds of your own. */
  HOLDFAST_CLOUDS_FILE: z
    .string()
    .optional()
    .meta({ examples: ['/etc/holdfast/clouds.json'] }),
});

export type ApiSettings = z.output<typeof apiSettings>;
