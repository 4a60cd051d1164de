import { type Cloud, cloudNamed } from '../clouds.ts';
import type { ExchangeClock } from '../ports.ts';
import { createTokenSource, type TokenSource } from './credentials.ts';
import { undiciTransport } from './httpTransport.ts';

export interface MailSignIn {
  /** Name of a cloud, Microsoft's or one of `extraClouds`. */
  cloud: string;
  tenantId: string;
  clientId: string;
  secret: string;
}

const worldwideMail = 'https://outlook.office365.com/.default';

/**
 * Tokens with which an application signs in to SMTP of Exchange Online. @throws HoldfastError for an unknown cloud; a
 * token that is refused is a `configuration` error with its remedy, an unreachable Entra is `transient`
 */
export function mailTokenSource(
  { cloud: name, tenantId, clientId, secret }: MailSignIn,
  deps: { clock: ExchangeClock; extraClouds: Readonly<Record<string, Cloud>> },
): TokenSource {
  const cloud = cloudNamed(name, deps.extraClouds);
  return createTokenSource({
    cloud: { ...cloud, scope: cloud.mailScope ?? worldwideMail },
    ...{ tenantId, clientId, credential: { kind: 'secret', secret }, clock: deps.clock },
    transport: undiciTransport(cloud.caPem === undefined ? {} : { caPem: cloud.caPem }),
  });
}
