import type { Metrics } from '@holdfast/runtime';

export type ApiMetrics = ReturnType<typeof createApiMetrics>;

/** The numbers of the API, in one place. */
export const createApiMetrics = (metrics: Metrics) => ({
  requests: metrics.counter('holdfast_api_requests_total', 'Requests answered', [
    'method',
    'route',
    'status',
  ]),
  requestSeconds: metrics.histogram('holdfast_api_request_seconds', 'Time to answer', ['method', 'route']),
  streams: metrics.gauge('holdfast_api_event_streams', 'Open event streams'),
  streamsDropped: metrics.counter(
    'holdfast_api_event_streams_dropped_total',
    'Event streams closed for being slow',
  ),
  failedSignIns: metrics.counter('holdfast_api_failed_sign_ins_total', 'Requests refused for their token'),
});
