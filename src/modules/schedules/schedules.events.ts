export const SCHEDULES_CHANNEL = 'schedules';

/** Recorded when a schedule has paused itself and its owner can do something about it; the subject is the schedule. */
export const SCHEDULE_PAUSED = 'schedule.paused';

export interface SchedulePausedData {
  readonly name: string;
  readonly reason: 'timing_invalid' | 'failures';
  /** For its owner, in a sentence. */
  readonly note: string;
}
