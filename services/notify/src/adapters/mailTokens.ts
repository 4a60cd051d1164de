import type { MailOauth } from '@holdfast/contracts';
import { type MailSignIn, mailTokenSource, type TokenSource } from '@holdfast/exchange';
import type { Sealer } from '@holdfast/store';

/** Tokens for signing in to a mail server. @throws HoldfastError (configuration, or transient when Entra is away) */
export type MailTokens = (oauth: MailOauth) => TokenSource;

/** Where the secret of the application that sends is sealed for. */
const secretContext = 'settings:mail-oauth';

/** Keeps the tokens of the settings that were used last; others begin anew. */
export function createMailTokens(
  sealer: Pick<Sealer, 'open'>,
  deps: Parameters<typeof mailTokenSource>[1],
): MailTokens {
  let kept: { key: string; source: TokenSource } | undefined;
  return ({ sealedClientSecret, cloud, tenantId, clientId }) => {
    const signIn: MailSignIn = {
      ...{ cloud, tenantId, clientId },
      secret: sealer.open(sealedClientSecret, secretContext),
    };
    const key = JSON.stringify([sealedClientSecret, cloud, tenantId, clientId]);
    if (kept?.key !== key) kept = { key, source: mailTokenSource(signIn, deps) };
    return kept.source;
  };
}
