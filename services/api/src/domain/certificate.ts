import { createPrivateKey, X509Certificate } from 'node:crypto';
import { type FieldProblem, InvalidInput } from '@holdfast/contracts';

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    // The crypto module tells each way in which a PEM is bad by a code of its own; all mean that it cannot be read.
    return undefined;
  }
}

/**
 * Checks that a certificate and its private key can be read and belong together.
 * @returns the end of the certificate's life, ISO 8601.
 * @throws InvalidInput naming the field
 */
export function checkCertificate(
  pair: { certificatePem: string; privateKeyPem: string },
  /** Where in the input the certificate is. */
  place = '',
): string {
  const problems: FieldProblem[] = [];
  const certificate = readable(() => new X509Certificate(pair.certificatePem));
  const key = readable(() => createPrivateKey(pair.privateKeyPem));
  if (certificate === undefined) {
    problems.push({ field: `${place}certificate.certificatePem`, message: 'must be a certificate in PEM' });
  }
  if (key === undefined) {
    problems.push({
      field: `${place}certificate.privateKeyPem`,
      message: 'must be an unencrypted private key in PEM',
    });
  }
  if (certificate !== undefined && key !== undefined && !certificate.checkPrivateKey(key)) {
    problems.push({
      field: `${place}certificate.privateKeyPem`,
      message: 'is not the key of this certificate',
    });
  }
  if (certificate === undefined || problems.length > 0) throw new InvalidInput(problems);
  return new Date(certificate.validTo).toISOString();
}
