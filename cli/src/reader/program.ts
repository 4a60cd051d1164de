import { Command, CommanderError } from 'commander';
import type { Io } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { tell } from '../program.ts';
import { exportCommand } from './exportCommand.ts';
import { listCommands } from './listCommands.ts';
import type { ReaderRunner } from './reading.ts';
import { verifyCommand } from './verifyCommand.ts';

const exitHelp = `
Reads a Holdfast repository with nothing else running; changes nothing in it. The passphrase comes from
--passphrase-file, HOLDFAST_REPOSITORY_PASSPHRASE or a question.
Exit codes: 0 done, 1 refused or failed, 2 wrong command line or file, 3 done with warnings (damage, failed items).`;

function build(runner: ReaderRunner): Command {
  const { io } = runner;
  const program = new Command('holdfast-reader')
    .description('Lists, searches, verifies and exports a Holdfast repository with nothing else running')
    .option('--repository <folder>', 'folder of the repository (HOLDFAST_REPOSITORY)')
    .option('--passphrase-file <file>', 'file with the passphrase, - for stdin')
    .option('--recovery-key-file <file>', 'file with the recovery key, instead of the passphrase')
    .option('--cache <folder>', 'keep the local copy of the index here, so that the next command is faster')
    .option('--json', 'JSON on stdout and nothing else')
    .addHelpText('after', exitHelp)
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out.write(text), writeErr: (text) => io.err.write(text) })
    .showHelpAfterError('(see --help)');
  for (const add of [listCommands, exportCommand, verifyCommand]) add(runner, program);
  return program;
}

/** Runs one command line of `holdfast-reader`. @returns the exit code of the process */
export async function runReader(args: readonly string[], io: Io): Promise<number> {
  const runner: ReaderRunner = { io, exitCode: exitCodes.ok };
  const program = build(runner);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return runner.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    tell(io, error, program.opts().json === true);
    return exitCodeOfReader(error);
  }
}

const exitCodeOfReader = (error: unknown): number =>
  error instanceof Error && error.name === 'UsageError' ? exitCodes.usage : exitCodes.failed;
