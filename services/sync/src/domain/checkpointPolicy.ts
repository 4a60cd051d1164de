/** What was done since the last checkpoint (or the start). */
export interface Progressed {
  items: number;
  bytes: number;
  ms: number;
}

/** Any one of these reached makes a checkpoint due. */
export interface CheckpointSettings {
  items: number;
  bytes: number;
  ms: number;
}

/** True when so much was stored that losing it to a crash would hurt. Time alone, with nothing stored, does not count. */
export function checkpointDue(done: Progressed, settings: CheckpointSettings): boolean {
  if (done.items === 0) return false;
  return done.items >= settings.items || done.bytes >= settings.bytes || done.ms >= settings.ms;
}
