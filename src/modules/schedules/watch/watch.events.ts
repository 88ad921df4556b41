/** Of the system, to admins; the incident is the subject. Recorded once when schedules are late, and once when that is over. */
export const SCHEDULER_STALLED = 'scheduler.stalled';
export const SCHEDULER_RECOVERED = 'scheduler.recovered';

export interface SchedulerStalledData {
  /** What is wrong and what to do. */
  readonly reason: string;
}

export interface SchedulerRecoveredData {
  /** How long it lasted. */
  readonly seconds: number;
}
