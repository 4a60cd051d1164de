import { randomBytes } from 'node:crypto';

const secretBytes = 32;

/** A new signing secret, in the form that libraries for Standard Webhooks take: `whsec_` and base64. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(secretBytes).toString('base64')}`;
