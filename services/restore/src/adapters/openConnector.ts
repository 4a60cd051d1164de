import type { Organization } from '@holdfast/contracts';
import {
  type BudgetPort,
  type Cloud,
  cloudNamed,
  createGraphConnector,
  type GraphConnectorOptions,
  type MailboxConnector,
} from '@holdfast/exchange';
import type { Sealer } from '@holdfast/store';

interface OpenConnectorDeps
  extends Pick<GraphConnectorOptions, 'clock' | 'random' | 'logger' | 'version' | 'limits'> {
  sealer: Pick<Sealer, 'open'>;
  budget: BudgetPort;
  /** Clouds beside Microsoft's. */
  extraClouds: Readonly<Record<string, Cloud>>;
}

/** Opens connectors of organizations as the control data describes them. @throws HoldfastError for an unknown cloud or a secret that cannot be unsealed */
export function connectorOpener(deps: OpenConnectorDeps): (organization: Organization) => MailboxConnector {
  const { sealer, extraClouds, ...shared } = deps;
  return (organization) => {
    const { id, cloud, tenantId, restoreApplication } = organization;
    // An organization may have an application of its own for restores: the one that backs up need not write.
    const { clientId, credential } = restoreApplication ?? organization;
    const context = `organization:${id}`;
    return createGraphConnector({
      ...shared,
      cloud: cloudNamed(cloud, extraClouds),
      tenantId,
      clientId,
      credential:
        credential.kind === 'secret'
          ? { kind: 'secret', secret: sealer.open(credential.sealedSecret, context) }
          : {
              kind: 'certificate',
              certificatePem: credential.certificatePem,
              privateKeyPem: sealer.open(credential.sealedPrivateKey, context),
            },
    });
  };
}
