import { Command, CommanderError } from 'commander';
import { alertCommands } from './commands/alert.ts';
import { eventsCommands } from './commands/events.ts';
import { exploreCommands } from './commands/explore.ts';
import { exportCommands } from './commands/export.ts';
import { jobCommands } from './commands/job.ts';
import { orgCommands } from './commands/org.ts';
import { pointCommands } from './commands/point.ts';
import { poolCommands } from './commands/pool.ts';
import { repoCommands } from './commands/repo.ts';
import { restoreCommands } from './commands/restore.ts';
import { retentionCommands } from './commands/retention.ts';
import { runCommands } from './commands/run.ts';
import { settingsCommands } from './commands/settings.ts';
import { systemCommands } from './commands/system.ts';
import { webhookCommands } from './commands/webhook.ts';
import { defaultUrl, type Io, type Runner } from './context.ts';
import { errorReport, exitCodeOf, exitCodes } from './errors.ts';
import { safeText } from './screen.ts';

const exitHelp = `
Exit codes: 0 done, 1 refused or failed, 2 wrong command line or file, 3 done with warnings,
4 the API cannot be reached or does not take the token.`;

function build(runner: Runner): Command {
  const { io } = runner;
  const program = new Command('holdfast')
    .description('Holdfast from a terminal: backup and restore for Exchange mailboxes')
    .option('--url <url>', `address of the API (HOLDFAST_URL; ${defaultUrl} by default)`)
    .option('--token <token>', 'token (better: HOLDFAST_TOKEN or --token-file)')
    .option('--token-file <file>', 'file with the token (HOLDFAST_TOKEN_FILE)')
    .option('--ca <file>', 'certificate authority to trust as well, PEM (HOLDFAST_CA)')
    .option('--json', 'JSON on stdout and nothing else')
    .addHelpText('after', exitHelp)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out.write(text),
      writeErr: (text) => io.err.write(text),
    })
    .showHelpAfterError('(see --help)');
  const areas = [
    orgCommands,
    repoCommands,
    jobCommands,
    runCommands,
    pointCommands,
    exploreCommands,
    restoreCommands,
    exportCommands,
    retentionCommands,
    settingsCommands,
    alertCommands,
    webhookCommands,
    eventsCommands,
    systemCommands,
    poolCommands,
  ];
  for (const add of areas) add(runner, program);
  return program;
}

/** The cause, each refused field and the remedy, on stderr; one JSON document with `--json`. */
export function tell(io: Io, error: unknown, json: boolean): void {
  const report = errorReport(error);
  if (json) {
    io.err.write(`${JSON.stringify({ error: report })}\n`);
    return;
  }
  const lines = [`error: ${safeText(report.message)}`];
  const problems = (report.problems ?? []).map(({ field, message }) => `${field}: ${message}`);
  // A single one is the message already.
  if (problems.length > 1 || problems[0] !== report.message)
    for (const problem of problems) lines.push(`  ${safeText(problem)}`);
  if (report.remedy !== undefined) lines.push(safeText(report.remedy));
  io.err.write(`${lines.join('\n')}\n`);
}

/** Runs one command line. @returns the exit code of the process */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  const runner: Runner = { io, exitCode: exitCodes.ok };
  const program = build(runner);
  try {
    await program.parseAsync([...args], { from: 'user' });
    return runner.exitCode;
  } catch (error) {
    // commander has said what is wrong with the command line; help and version end with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    tell(io, error, program.opts().json === true);
    return exitCodeOf(error);
  }
}
