import type { Command } from 'commander';
import { step } from '../client.ts';
import { act, type Context, type Runner } from '../context.ts';
import { listLimit } from '../options.ts';
import { type Named, resolveNamed } from '../resolve.ts';
import { readSecret } from '../secrets.ts';
import { timeText } from '../units.ts';

interface Repository extends Named {
  backend: { kind: string; path: string };
  engineId: string;
  createdAt: string;
  points: number;
}

interface AddOptions {
  name: string;
  path: string;
  attach?: boolean;
  passphraseFile?: string;
}

async function add(
  { io, client, screen }: Context,
  _args: string[],
  options: AddOptions,
): Promise<undefined> {
  const mode = options.attach === true ? 'attach' : 'create';
  const passphrase = await readSecret(io, {
    what: 'passphrase of the repository',
    file: options.passphraseFile,
    fileOption: '--passphrase-file',
    env: 'HOLDFAST_PASSPHRASE',
    confirm: mode === 'create',
  });
  const body = { name: options.name, backend: { kind: 'fs', path: options.path }, passphrase, mode };
  const made = await client.send<Repository & { recoveryKey?: string }>('POST', '/repositories', body);
  if (screen.json) return screen.document(made);
  screen.line(
    `${mode === 'create' ? 'Made' : 'Attached'} ${made.name} (${made.id}) at ${made.backend.path}.`,
  );
  if (made.recoveryKey !== undefined) {
    screen.line(`\nRecovery key, shown this once: ${made.recoveryKey}`);
    screen.line('Keep it apart from this machine: it opens the repository when the passphrase is lost.');
  }
}

async function list(
  { client, screen }: Context,
  _args: string[],
  options: { limit: number },
): Promise<undefined> {
  const page = await client.list<Repository>('/repositories', options.limit);
  if (screen.json) return screen.document(page);
  screen.table(
    ['NAME', 'ID', 'KIND', 'PLACE', 'RESTORE POINTS', 'ADDED'],
    page.items.map((entry) => [
      entry.name,
      entry.id,
      entry.backend.kind,
      entry.backend.path,
      entry.points,
      timeText(entry.createdAt),
    ]),
  );
}

async function show({ client, screen }: Context, args: string[]): Promise<undefined> {
  const entry = await resolveNamed<Repository>(client, 'repository', args[0]);
  if (screen.json) return screen.document(entry);
  screen.facts([
    ['name', entry.name],
    ['id', entry.id],
    ['place', `${entry.backend.kind}:${entry.backend.path}`],
    ['repository id', entry.engineId],
    ['restore points', entry.points],
    ['added', timeText(entry.createdAt)],
  ]);
}

async function sheet({ client, screen }: Context, args: string[]): Promise<undefined> {
  const { id } = await resolveNamed<Repository>(client, 'repository', args[0]);
  const answer = await client.get<{ sheet: string }>(`/repositories/${step(id)}/recovery-sheet`);
  if (screen.json) return screen.document(answer);
  screen.line(answer.sheet);
}

export function repoCommands(runner: Runner, program: Command): void {
  const repo = program.command('repo').description('repositories: where the copies are kept');
  const adding = repo
    .command('add')
    .description(
      'make a repository, or attach one; the passphrase comes from a file, HOLDFAST_PASSPHRASE or a question',
    )
    .requiredOption('--name <name>', 'its name here')
    .requiredOption('--path <folder>', 'absolute path of its folder, as the workers see it')
    .option('--attach', 'open one that exists instead of making it')
    .option('--passphrase-file <file>', 'file with the passphrase, - for stdin');
  act(runner, adding, add);
  act(runner, listLimit(repo.command('list').description('list repositories')), list);
  act(runner, repo.command('show [repo]').description('show one'), show);
  const sheetOf = repo.command('sheet [repo]').description('the recovery sheet: print it and put it away');
  act(runner, sheetOf, sheet);
}
