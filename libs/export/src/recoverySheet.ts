/** What a person needs to get at the mail of a repository when nothing else is left. No secrets. */
export interface RecoverySheetFacts {
  name: string | undefined;
  /** Where the repository is, in words that another machine understands. */
  location: string;
  /** How `holdfast-reader` names it. */
  argument: string;
  repositoryId: string;
  format: number;
  createdAt: string;
  slots: readonly { slotId: string; kind: 'passphrase' | 'recovery'; createdAt: string; kdf: string }[];
  /** Times and counts as of the printing. */
  printedAt: string;
  version: string;
}

const slotLine = ({ slotId, kind, createdAt, kdf }: RecoverySheetFacts['slots'][number]): string =>
  `  [ ] ${kind === 'passphrase' ? 'passphrase  ' : 'recovery key'}  slot ${slotId}  of ${createdAt.slice(0, 10)}  (${kdf})`;

const quoted = (argument: string): string =>
  /^[\w./:@-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;

/** A page to print and keep where the machines are not: where the repository is, what opens it, what to type. */
export function recoverySheet(facts: RecoverySheetFacts): string {
  const where = quoted(facts.argument);
  const sheet = `HOLDFAST RECOVERY SHEET
=======================

Repository     ${facts.name ?? '(no name known)'}
Id             ${facts.repositoryId}
Where          ${facts.location}
Made           ${facts.createdAt}
Format         ${facts.format} (docs/repository-format.md of the Holdfast source)
Printed        ${facts.printedAt} by Holdfast ${facts.version}

WHAT OPENS IT
Any one of these opens everything. Without all of them the mail is lost for good.
${facts.slots.map(slotLine).join('\n')}

  Passphrase kept at:    ______________________________________________

  Recovery key kept at:  ______________________________________________

HOW TO GET MAIL BACK WITH NOTHING BUT THIS REPOSITORY
A machine with Node.js 20 or newer and the Holdfast source; no database, no other service.

  1.  npm ci
  2.  npx holdfast-reader mailboxes --repository ${where}
  3.  npx holdfast-reader points ADDRESS --repository ${where}
  4.  npx holdfast-reader search WORD --mailbox ADDRESS --repository ${where}
  5.  npx holdfast-reader export ADDRESS --format zip --output FOLDER --repository ${where}
  6.  npx holdfast-reader verify --repository ${where}

It asks for the passphrase. With the recovery key instead: --recovery-key-file FILE
It changes nothing in the repository. A folder that cannot be written to is fine.

Try it once a year, on a machine that has never seen this repository.  Tried on: ______________
`;
  return sheet;
}
