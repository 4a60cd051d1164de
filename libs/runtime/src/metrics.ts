import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The metrics of a process in the Prometheus format. Asking twice for a name gives the same metric. */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter<string>;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge<string>;
  /** Buckets are upper bounds in the metric's unit; the default suits seconds of requests. */
  histogram(
    name: string,
    help: string,
    labels?: readonly string[],
    buckets?: readonly number[],
  ): Histogram<string>;
  text(): Promise<string>;
  readonly contentType: string;
}

const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Metrics of one service, with those of the process: memory, processor, garbage collection, event-loop delay. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  const common = (name: string, help: string, labels: readonly string[]) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  const known = (name: string) => registry.getSingleMetric(name);
  return {
    counter(name, help, labels = []) {
      return (known(name) as Counter<string> | undefined) ?? new Counter(common(name, help, labels));
    },
    gauge(name, help, labels = []) {
      return (known(name) as Gauge<string> | undefined) ?? new Gauge(common(name, help, labels));
    },
    histogram(name, help, labels = [], buckets = requestSeconds) {
      const found = known(name) as Histogram<string> | undefined;
      return found ?? new Histogram({ ...common(name, help, labels), buckets: [...buckets] });
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
