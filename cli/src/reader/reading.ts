import type { Command } from 'commander';
import type { Io } from '../context.ts';
import { exitCodes } from '../errors.ts';
import { createScreen, type Screen } from '../screen.ts';
import { type Opened, openForReading, type PlaceOptions } from './openForReading.ts';

/** What an action of the reader works with. */
export interface Reading extends Opened {
  io: Io;
  screen: Screen;
}

export type ReaderAction<O> = (reading: Reading, args: string[], options: O) => Promise<number | undefined>;

export interface ReaderRunner {
  io: Io;
  exitCode: number;
}

/** Gives a command its action: opens the repository, closes it, keeps the exit code. */
export function actOnRepository<O>(runner: ReaderRunner, command: Command, action: ReaderAction<O>): Command {
  return command.action(async (...given: unknown[]) => {
    const args = given.slice(0, -2).flatMap((arg) => (arg === undefined ? [] : (arg as string | string[])));
    const options = command.optsWithGlobals<PlaceOptions & { json?: boolean }>();
    const { io } = runner;
    const json = options.json === true;
    const screen = createScreen(io.out, io.err, { json, color: io.out.isTTY && !json && !io.env.NO_COLOR });
    const opened = await openForReading(io, options);
    try {
      runner.exitCode = (await action({ ...opened, io, screen }, args, command.opts() as O)) ?? exitCodes.ok;
    } finally {
      await opened.close();
    }
  });
}
