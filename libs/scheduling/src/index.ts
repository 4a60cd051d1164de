export { type ChainedJob, findCycle } from './findCycle.ts';
export { heldBecause } from './heldBecause.ts';
export { ageText, type ItemTimes, isTooOld, itemCutOff, tooOldFrom } from './itemAge.ts';
export { lastFire, nextFire, nextFires, type ScheduledFire, stopTime } from './nextFire.ts';
export { type DeletionInput, type DeletionPlan, type Guarded, planDeletion } from './planDeletion.ts';
export {
  type JobPolicies,
  type MailboxPlanInput,
  type OwnedPoint,
  planMailbox,
  policiesOf,
} from './planMailbox.ts';
export * from './scope/index.ts';
export {
  type KeepRules,
  type KeptBy,
  type RetentionDecision,
  type RetentionPoint,
  type SelectOptions,
  selectPoints,
} from './selectPoints.ts';
export { servedAfterChange } from './servedAfterChange.ts';
export { lastTimeOfDay, nextTimeOfDay } from './timeOfDay.ts';
export { localTime } from './zonedTime.ts';
