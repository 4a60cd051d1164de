export { exitCodes } from './errors.ts';
export { runProgram } from './program.ts';
