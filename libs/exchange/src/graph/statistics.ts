import type { ReaderStatistics } from '../ports.ts';

export const newStatistics = (): ReaderStatistics => ({
  requests: 0,
  throttledMs: 0,
  bytesRead: 0,
  bytesSent: 0,
  repeats: 0,
});
