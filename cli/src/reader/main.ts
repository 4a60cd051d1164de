import { processIo } from '../processIo.ts';
import { runReader } from './program.ts';

process.exitCode = await runReader(process.argv.slice(2), processIo());
