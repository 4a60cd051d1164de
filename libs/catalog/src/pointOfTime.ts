import type { PointOfTime, PointToIndex, ShelfPoint } from './ports.ts';

/** A point as answers name it. */
export const pointOfTime = ({ pointId, pointName, time }: ShelfPoint | PointToIndex): PointOfTime => ({
  pointId,
  pointName,
  time: new Date(time).toISOString(),
});
