export { type Scheduler, type SchedulerDeps, startScheduler } from './service.ts';
