import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { DEFAULT_CLIENT, DEFAULT_SECRET, DEFAULT_TENANT, type SimulatorOptions } from './options.ts';
import { startSimulator } from './simulator.ts';

const USAGE = `usage: main.ts [--port N] [--http-port N] [--cert-dir DIR] [--seed N] [--ready-file PATH]
       ( --config FILE.json | [--mailboxes N] [--messages N] [--profile standard|small] [--mail DIR|FILE]
         [--large-attachment-mb N] [--few-folders] )
Prints one line of JSON with the addresses when it is ready; ends on SIGTERM or SIGINT.`;

function whole(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new RangeError(`--${name} must be a whole number, got ${text}`);
  return Number(text);
}

/** Reads the command line. Throws RangeError or TypeError for what it does not understand. */
function readOptions(args: readonly string[]): { options: SimulatorOptions; readyFile: string | undefined } {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: text,
      'http-port': text,
      'cert-dir': text,
      seed: text,
      'ready-file': text,
      config: text,
      mailboxes: text,
      messages: text,
      profile: text,
      mail: text,
      'large-attachment-mb': text,
      'few-folders': { type: 'boolean' },
    },
  });
  const profile = values.profile ?? 'standard';
  if (profile !== 'standard' && profile !== 'small')
    throw new RangeError(`--profile must be standard or small, got ${profile}`);
  const fill = {
    mailboxes: whole('mailboxes', values.mailboxes) ?? 3,
    messagesPerMailbox: whole('messages', values.messages) ?? 100,
    profile,
    fewFolders: values['few-folders'] ?? false,
    ...(values.mail === undefined ? {} : { mail: values.mail }),
    ...(values['large-attachment-mb'] === undefined
      ? {}
      : { largeAttachmentMb: whole('large-attachment-mb', values['large-attachment-mb']) ?? 0 }),
  } as const;
  const tenants = [
    {
      tenantId: DEFAULT_TENANT,
      applications: [{ clientId: DEFAULT_CLIENT, secrets: [{ value: DEFAULT_SECRET }] }],
      fill,
    },
  ];
  const configured =
    values.config === undefined
      ? { tenants }
      : (JSON.parse(readFileSync(values.config, 'utf8')) as SimulatorOptions);
  const given = {
    port: whole('port', values.port),
    httpPort: whole('http-port', values['http-port']),
    seed: whole('seed', values.seed),
    certDir: values['cert-dir'],
  };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { options: { ...configured, ...set }, readyFile: values['ready-file'] };
}

async function main(): Promise<void> {
  const { options, readyFile } = readOptions(process.argv.slice(2));
  const simulator = await startSimulator(options);
  const { url, graphRoot, authority, caFile, httpUrl } = simulator;
  const tenants = await simulator.control.tenants();
  const line = `${JSON.stringify({ url, graphRoot, authority, caFile, httpUrl: httpUrl ?? null, pid: process.pid, tenants })}\n`;
  if (readyFile !== undefined) writeFileSync(readyFile, line);
  process.stdout.write(line);
  const stop = () => {
    simulator.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

/**
 * Starts again in the same process with a small young generation: a server makes much short-lived garbage, and with
 * V8's defaults the process grows to twice the memory at the same speed (measured with 200,000 messages).
 */
function restartWithSmallHeap(): void {
  const flag = '--max-semi-space-size';
  if (process.platform === 'win32' || process.execArgv.some((one) => one.startsWith(flag))) return;
  process.execve?.(
    process.execPath,
    [process.execPath, `${flag}=16`, ...process.execArgv, ...process.argv.slice(1)],
    process.env,
  );
}

restartWithSmallHeap();
main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${USAGE}\n`);
  process.exit(2);
});
