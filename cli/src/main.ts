import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from './program.ts';
import type { Terminal } from './screen.ts';

const terminal = (stream: NodeJS.WriteStream): Terminal => ({
  write: (text) => stream.write(text),
  writeBytes: (bytes, done) => stream.write(bytes, () => done()),
  isTTY: stream.isTTY === true,
  columns: stream.columns ?? 80,
});

// `holdfast … | head` closes the pipe early: that ends the program, it is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

process.exitCode = await runProgram(process.argv.slice(2), {
  env: process.env,
  out: terminal(process.stdout),
  err: terminal(process.stderr),
  stdin: process.stdin,
  now: Date.now,
  sleep: (ms) => sleep(ms).then(() => undefined),
});
