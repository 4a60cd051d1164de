import { createHmac } from 'node:crypto';

const prefix = 'whsec_';

/** The text that is shown once as the secret of a webhook: `whsec_` and the key in base64. */
export const secretText = (key: Uint8Array): string => `${prefix}${Buffer.from(key).toString('base64')}`;

const keyOf = (secret: string): Buffer =>
  Buffer.from(secret.startsWith(prefix) ? secret.slice(prefix.length) : secret, 'base64');

/**
 * The headers that prove who sent a body and when (Standard Webhooks 1.0): HMAC-SHA-256 over
 * `<id>.<timestamp>.<body>`, one signature for each secret that is valid.
 */
export function signatureHeaders(
  message: { id: string; body: string; timestampSeconds: number },
  secrets: readonly string[],
): Record<string, string> {
  const { id, body, timestampSeconds } = message;
  const signed = `${id}.${timestampSeconds}.${body}`;
  const signatures = secrets.map(
    (secret) => `v1,${createHmac('sha256', keyOf(secret)).update(signed).digest('base64')}`,
  );
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': signatures.join(' '),
  };
}
