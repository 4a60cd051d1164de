export { type ChainedJob, findCycle } from './findCycle.ts';
export {
  type KeepLastOptions,
  type RetentionDecision,
  type RetentionPoint,
  selectKeepLast,
} from './keepLast.ts';
export { lastFire, nextFire, nextFires, type ScheduledFire, stopTime } from './nextFire.ts';
export { servedAfterChange } from './servedAfterChange.ts';
export { localTime } from './zonedTime.ts';
