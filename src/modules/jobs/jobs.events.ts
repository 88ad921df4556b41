/** Recorded when a job ends, in the transaction of that move. Channel `jobs`, subject the job. */
export const JOB_ENDED_EVENTS = ['job.completed', 'job.failed', 'job.cancelled'] as const;
export type JobEndedEvent = (typeof JOB_ENDED_EVENTS)[number];

export interface JobEndedData {
  readonly type: string;
  readonly status: 'completed' | 'failed' | 'cancelled';
  readonly scheduleId: string | null;
  readonly error: string | null;
  /** A success that its owner is not notified of; absent otherwise. */
  readonly quiet?: true;
}

/** Live only, on channel `jobs` with the job as subject: a lost one costs a moment of display, never a fact. */
export const JOB_PROGRESS = 'job.progress';
export interface JobProgressData {
  readonly status: 'running';
  readonly progress: number;
  readonly progressDetail: object | null;
}

/** Hub topic of log lines as they are written: for whoever follows that one job. */
export const JOB_LOG_TOPIC = 'job-log';
export interface JobLogMessage {
  readonly jobId: string;
  readonly level: string;
  readonly message: string;
  readonly details: object | null;
  readonly createdAt: string;
}
