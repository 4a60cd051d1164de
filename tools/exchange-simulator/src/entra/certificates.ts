import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';

export interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
  /** File with the certificate of the authority that signed it. */
  readonly caFile: string;
  /** Folder that was made for it and may be removed, if it was. */
  readonly temporaryFolder: string | undefined;
}

const DAY = 86_400_000;

/**
 * Makes an authority and a certificate for localhost, 127.0.0.1 and ::1, valid from yesterday for ten days, and
 * writes the authority's certificate to `folder` (or a temporary one). Private keys are never written.
 */
export async function createCertificate(now: number, folder?: string): Promise<ServerCertificate> {
  const validity = { notBeforeDate: new Date(now - DAY), notAfterDate: new Date(now + 10 * DAY) };
  const ca = await generate([{ name: 'commonName', value: 'Exchange simulator authority' }], {
    ...validity,
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const leaf = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...validity,
    keyType: 'ec',
    algorithm: 'sha256',
    ca: { key: ca.private, cert: ca.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: '::1' },
        ],
      },
    ],
  });
  const target = folder ?? mkdtempSync(join(tmpdir(), 'exchange-simulator-ca-'));
  mkdirSync(target, { recursive: true });
  const caFile = join(target, 'ca.pem');
  writeFileSync(caFile, ca.cert);
  return {
    key: leaf.private,
    cert: leaf.cert,
    caFile,
    temporaryFolder: folder === undefined ? target : undefined,
  };
}
