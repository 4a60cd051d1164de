import { setTimeout as sleep } from 'node:timers/promises';
import type { Io } from './context.ts';
import type { Terminal } from './screen.ts';

const terminal = (stream: NodeJS.WriteStream): Terminal => ({
  write: (text) => stream.write(text),
  writeBytes: (bytes, done) => stream.write(bytes, () => done()),
  isTTY: stream.isTTY === true,
  columns: stream.columns ?? 80,
});

/** This process as a program sees it. `holdfast … | head` closes the pipe early: that ends it, it is no error. */
export function processIo(): Io {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? 0 : 1);
  });
  return {
    env: process.env,
    out: terminal(process.stdout),
    err: terminal(process.stderr),
    stdin: process.stdin,
    now: Date.now,
    sleep: (ms) => sleep(ms).then(() => undefined),
  };
}
