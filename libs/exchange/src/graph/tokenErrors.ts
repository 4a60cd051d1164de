import { type ErrorClass, HoldfastError } from '@holdfast/contracts';

export interface TokenErrorRow {
  /** Numbers of Microsoft Entra (`AADSTS…`). */
  numbers: readonly number[];
  code: string;
  errorClass: ErrorClass;
  meaning: string;
  remedy: string;
}

/** What Microsoft Entra says when it gives no token. All are settings that a person must change, but the last. */
export const tokenErrorTable: readonly TokenErrorRow[] = [
  {
    numbers: [7000215],
    code: 'client-secret-wrong',
    errorClass: 'configuration',
    meaning: 'The client secret is wrong.',
    remedy: 'Enter the value (not the id) of a valid client secret of the application.',
  },
  {
    numbers: [7000222],
    code: 'client-secret-expired',
    errorClass: 'configuration',
    meaning: 'The client secret has expired.',
    remedy: 'Create a new client secret for the application in Microsoft Entra and enter it here.',
  },
  {
    numbers: [700016, 7000229, 650052],
    code: 'application-unknown',
    errorClass: 'configuration',
    meaning: 'The application is not known in this tenant.',
    remedy:
      'Check the application (client) id and the tenant, and give administrator consent in that tenant.',
  },
  {
    numbers: [7000112],
    code: 'application-disabled',
    errorClass: 'configuration',
    meaning: 'The application is disabled in this tenant.',
    remedy: 'Enable it in Microsoft Entra under Enterprise applications.',
  },
  {
    numbers: [90002, 900023, 90013, 900021],
    code: 'tenant-unknown',
    errorClass: 'configuration',
    meaning: 'The tenant does not exist in this cloud.',
    remedy: 'Check the tenant id (or verified domain) and the cloud of the organization.',
  },
  {
    numbers: [700027, 700023, 7000277, 700030],
    code: 'certificate-refused',
    errorClass: 'configuration',
    meaning: 'The certificate is not registered with the application.',
    remedy:
      'Upload the certificate (public part) to the application in Microsoft Entra, or use the right key.',
  },
  {
    numbers: [700024],
    code: 'clock-wrong',
    errorClass: 'configuration',
    meaning: 'The signed request is outside its time of validity.',
    remedy: 'Correct the clock of this machine (use NTP).',
  },
  {
    numbers: [500011, 1002012, 70011],
    code: 'cloud-wrong',
    errorClass: 'configuration',
    meaning: 'Microsoft Graph of this cloud is not available to the tenant.',
    remedy: 'Check the cloud of the organization: the tenant probably belongs to another one.',
  },
  {
    numbers: [53003, 530003],
    code: 'sign-in-blocked',
    errorClass: 'configuration',
    meaning: 'A conditional access policy blocks the sign-in of the application.',
    remedy:
      'Exclude the application, or the addresses of this machine, from the policy for workload identities.',
  },
  {
    numbers: [90033, 50196, 90055, 51004, 1000002],
    code: 'sign-in-unavailable',
    errorClass: 'transient',
    meaning: 'Microsoft Entra cannot answer for the moment.',
    remedy: 'Nothing to do: it is tried again by itself.',
  },
];

const numberOf = (description: string): number | undefined => {
  const match = /AADSTS(\d+)/.exec(description);
  return match?.[1] === undefined ? undefined : Number(match[1]);
};

/** A sign-in error as the table has it. `description` is Entra's own text; it names no secrets. */
export function tokenError(description: string, cause: unknown): HoldfastError {
  const number = numberOf(description);
  const row = tokenErrorTable.find((candidate) => number !== undefined && candidate.numbers.includes(number));
  const details = {
    serviceCode: number === undefined ? '' : `AADSTS${number}`,
    serviceMessage: description.slice(0, 300),
  };
  if (row === undefined) {
    const name = number === undefined ? 'an unknown reason' : `AADSTS${number}`;
    return new HoldfastError(
      'sign-in-refused',
      'configuration',
      `Microsoft Entra refuses the sign-in of the application: ${name}.`,
      {
        remedy: `Look up the reason in Microsoft's list of sign-in errors: ${description.slice(0, 200)}`,
        details,
        cause,
      },
    );
  }
  return new HoldfastError(row.code, row.errorClass, `${row.meaning} (AADSTS${number})`, {
    remedy: row.remedy,
    details,
    cause,
  });
}
