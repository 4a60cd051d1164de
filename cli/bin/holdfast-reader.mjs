#!/usr/bin/env node
// Runs the reader with a Node that reads TypeScript: this one when it is new enough, else the one that npm installed.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/reader/main.ts', import.meta.url));
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);

if (major > 22 || (major === 22 && minor >= 18)) {
  await import(main);
} else {
  const installed = join(dirname(createRequire(import.meta.url).resolve('node/package.json')), 'bin', 'node');
  const child = spawn(installed, [main, ...process.argv.slice(2)], { stdio: 'inherit' });
  child.once('error', (error) => {
    process.stderr.write(`holdfast-reader needs Node 24: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.once('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
