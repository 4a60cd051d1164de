import { Command, InvalidArgumentError } from 'commander';

export interface DemoOptions {
  /** Folder of .eml files, mbox file or Maildir that fills the tenant. */
  mail?: string;
  mailboxes: number;
  messages: number;
  workers: number;
  seed: number;
  store?: string;
  data?: string;
  json: boolean;
  keep: boolean;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number from 1');
  return value;
}

/** Reads the command line; prints help or a usage error and exits as commander does. */
export function parseOptions(argv: readonly string[]): DemoOptions {
  return new Command('npm run demo --')
    .description(
      'The main job on a simulated tenant: back up, lose, restore, report. Exit code 0 if every check held.',
    )
    .option('--mail <place>', 'fill the tenant from a folder of .eml files, an mbox or a Maildir')
    .option('--mailboxes <n>', 'mailboxes of the tenant', positive, 3)
    .option('--messages <n>', 'generated messages a mailbox', positive, 200)
    .option('--workers <n>', 'backup proxies', positive, 1)
    .option('--seed <n>', 'seed of everything generated', positive, 1)
    .option('--store <url>', 'control data, such as mongodb://127.0.0.1:27017/demo (default: SQLite)')
    .option('--data <folder>', 'where to work (default: a temporary folder)')
    .option('--json', 'print the summary as one JSON object', false)
    .option('--keep', 'leave everything running and print the addresses', false)
    .parse([...argv], { from: 'user' })
    .opts<DemoOptions>();
}
