import { HoldfastError } from '@holdfast/contracts';
import { ensureNatsServer } from './natsServer.ts';

try {
  const path = await ensureNatsServer((line) => process.stderr.write(`${line}\n`));
  process.stderr.write(`nats-server: ${path}\n`);
} catch (error) {
  if (!(error instanceof HoldfastError)) throw error;
  process.stderr.write(`${error.message}\n${error.remedy ?? ''}\n`);
  process.exitCode = 1;
}
