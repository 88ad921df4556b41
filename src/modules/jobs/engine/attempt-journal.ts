import { Injectable } from '@nestjs/common';
import { Database, GroupCommit, newId } from '../../../kernel/database/index.js';
import { Hub, LIVE_TOPIC, type LiveEvent } from '../../../kernel/realtime/index.js';
import { Clock } from '../../../kernel/time/index.js';
import type { JobLogLevel } from '../definition/define-job.js';
import { JOB_LOG_TOPIC, JOB_PROGRESS, type JobLogMessage, type JobProgressData } from '../jobs.events.js';
import { JobMovesRepository } from './job-moves.repository.js';

export interface ProgressEntry {
  readonly jobId: string;
  readonly userId: string | null;
  readonly leaseEpoch: number;
  readonly percent: number;
  readonly detail: object | null;
}

export interface LogEntry {
  readonly jobId: string;
  readonly leaseEpoch: number;
  readonly level: JobLogLevel;
  readonly message: string;
  readonly details: object | null;
}

/**
 * Progress and log lines of running attempts: written in shared statements, fenced by the lease epoch, and shown
 * live at once. Losing one of them loses no fact about the job, so failures to write are left to the settlement
 * that follows.
 */
@Injectable()
export class AttemptJournal {
  private readonly progressWrites = new GroupCommit<ProgressEntry, void>(async (items) => {
    const latest = [...new Map(items.map((item) => [item.jobId, item])).values()];
    await this.moves.progress(this.database.system('job progress').read, latest);
    return items.map(() => undefined);
  });
  private readonly logWrites = new GroupCommit<LogEntry, void>(async (items) => {
    await this.moves.log(
      this.database.system('job logs').read,
      items.map((item) => ({ ...item, id: newId() })),
    );
    return items.map(() => undefined);
  });

  constructor(
    private readonly database: Database,
    private readonly moves: JobMovesRepository,
    private readonly hub: Hub,
    private readonly clock: Clock,
  ) {}

  /** Tells live listeners that the job runs and how far it is, without writing. */
  show({ jobId, userId, percent, detail }: Omit<ProgressEntry, 'leaseEpoch'>): void {
    const data: JobProgressData = { status: 'running', progress: percent, progressDetail: detail };
    const event: LiveEvent = {
      type: JOB_PROGRESS,
      channel: 'jobs',
      userId,
      subjectId: jobId,
      data: { ...data },
    };
    this.hub.publish(LIVE_TOPIC, event);
  }

  progress(entry: ProgressEntry): Promise<void> {
    this.show(entry);
    return this.progressWrites.submit(entry);
  }

  log(entry: LogEntry): Promise<void> {
    const { jobId, level, message, details } = entry;
    const shown: JobLogMessage = {
      jobId,
      level,
      message,
      details,
      createdAt: this.clock.now().toISOString(),
    };
    this.hub.publish(JOB_LOG_TOPIC, shown);
    return this.logWrites.submit(entry);
  }
}
