import type { Metrics } from '@holdfast/runtime';

export type SchedulerMetrics = ReturnType<typeof createSchedulerMetrics>;

const latenessSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 600];

/** The numbers of the scheduler, in one place. Only the leader moves them. */
export const createSchedulerMetrics = (metrics: Metrics) => ({
  leader: metrics.gauge('holdfast_scheduler_leader', '1 while this process is the leader'),
  runs: metrics.gauge('holdfast_scheduler_unfinished_runs', 'Runs that have not ended', ['state']),
  jobs: metrics.gauge('holdfast_scheduler_scheduled_jobs', 'Jobs with a next fire time'),
  fires: metrics.counter('holdfast_scheduler_fires_total', 'Fires of schedules served'),
  lateness: metrics.histogram(
    'holdfast_scheduler_fire_lateness_seconds',
    'From the time of a fire to its run being requested',
    [],
    latenessSeconds,
  ),
  ended: metrics.counter('holdfast_scheduler_runs_ended_total', 'Runs ended', ['outcome']),
  resent: metrics.counter(
    'holdfast_scheduler_tasks_resent_total',
    'Tasks sent again because the broker lost them',
  ),
  failures: metrics.counter(
    'holdfast_scheduler_step_failures_total',
    'Steps that failed and are tried again',
    ['class'],
  ),
});
