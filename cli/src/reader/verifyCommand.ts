import type { Finding } from '@holdfast/repository';
import type { Command } from 'commander';
import { exitCodes } from '../errors.ts';
import { actOnRepository, type ReaderRunner, type Reading } from './reading.ts';

const mostShown = 200;

async function run({ repository, screen }: Reading, _args: string[], options: { contents?: boolean }) {
  const level = options.contents === true ? 'contents' : 'structure';
  const findings: Finding[] = [];
  let count = 0;
  for await (const finding of repository.verify({ level })) {
    count += 1;
    if (findings.length < mostShown) findings.push(finding);
    if (screen.live) screen.redraw(`${count} faults so far`);
  }
  screen.settle();
  if (screen.json) screen.document({ level, faults: count, findings });
  else if (count === 0) {
    const checked = level === 'contents' ? 'every byte is what was written' : 'everything named is there';
    screen.line(`No fault found: ${checked}.`);
  } else {
    screen.table(
      ['FAULT', 'WHERE', 'WHAT'],
      findings.map(({ kind, message, subject }) => [kind, subject, message]),
    );
    screen.note(`${count} faults. What is not named here can still be exported.`);
  }
  return count === 0 ? exitCodes.ok : exitCodes.warning;
}

export function verifyCommand(runner: ReaderRunner, program: Command): void {
  const command = program
    .command('verify')
    .description('check that everything the restore points name is there and can be read')
    .option('--contents', 'read, decrypt and hash every byte as well');
  actOnRepository(runner, command, run);
}
