import type { ApplicationRole, Organization } from '@holdfast/contracts';
import { type Cloud, cloudNamed } from '../clouds.ts';
import { createGraphConnector, type GraphConnectorOptions } from '../graph/connector.ts';
import type { BudgetPort, MailboxConnector } from '../ports.ts';

interface OpenConnectorDeps
  extends Pick<GraphConnectorOptions, 'clock' | 'random' | 'logger' | 'version' | 'limits'> {
  /** Opens what the control data keeps sealed. */
  sealer: { open(sealed: string, context: string): string };
  budget: BudgetPort;
  /** Clouds beside Microsoft's. */
  extraClouds: Readonly<Record<string, Cloud>>;
}

/** Signs in as the application that backs up, unless the one for restores is wanted. */
export type ConnectorOpener = (organization: Organization, application?: ApplicationRole) => MailboxConnector;

/** Opens connectors of organizations as the control data describes them. @throws HoldfastError for an unknown cloud or a secret that cannot be unsealed */
export function connectorOpener(deps: OpenConnectorDeps): ConnectorOpener {
  const { sealer, extraClouds, ...shared } = deps;
  return (organization, application = 'backup') => {
    const { id, cloud, tenantId, restoreApplication } = organization;
    const { clientId, credential } =
      application === 'restore' ? (restoreApplication ?? organization) : organization;
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
