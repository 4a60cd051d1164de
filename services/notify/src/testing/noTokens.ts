import type { MailTokens } from '../adapters/mailTokens.ts';

/** For mailers whose settings name no application. */
export const noTokens: MailTokens = ({ clientId }) => {
  throw new Error(`nobody should ask for a token of ${clientId}`);
};
