export * from './builders.ts';
export * from './childProcess.ts';
export { Crash, CrashPlan } from './crashPlan.ts';
export * from './fakeClock.ts';
export * from './natsServer.ts';
export * from './seededRandom.ts';
export * from './serviceProcess.ts';
export * from './temporaryDirectory.ts';
export * from './waitFor.ts';
