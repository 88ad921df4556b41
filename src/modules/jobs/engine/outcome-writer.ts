import { Injectable } from '@nestjs/common';
import { refusesData } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import type { ClaimedJob, Outcome } from './job-moves.repository.js';
import { Settler } from './settler.js';

/** Pauses between tries while the database is away; the last one repeats. */
const PAUSES_MS = [100, 500, 1_000, 2_000, 5_000] as const;

/** With so many outcomes unwritten nothing more is begun. */
const MOST_WAITING = 1_000;

/**
 * Writes how an attempt ended, however long the database is away: work that was done is not done again because of
 * an outage. An outcome that the database refuses is replaced by a failure that says so, because a job must never
 * stay running for what it contains. `abandon` ends the waiting when the process shuts down; the job is then taken
 * back from a worker that is gone.
 */
@Injectable()
export class OutcomeWriter {
  private readonly log: Log;
  private abandoned = false;
  /** Outcomes on their way to the database. */
  private waiting = 0;
  private crowd: { readonly over: Promise<void>; readonly end: () => void } | null = null;

  constructor(
    private readonly settler: Settler,
    log: Log,
  ) {
    this.log = log.area('worker');
  }

  /**
   * Null while there is room for more outcomes; else the promise of it. Whoever claims jobs waits for it, so that
   * what has to be kept in memory while the database refuses outcomes is bounded.
   */
  room(): Promise<void> | null {
    if (this.waiting < MOST_WAITING || this.abandoned) return null;
    if (!this.crowd) {
      let end: () => void = () => undefined;
      const over = new Promise<void>((resolve) => (end = resolve));
      this.crowd = { over, end };
    }
    return this.crowd.over;
  }

  /** False: the attempt does not hold the job any more, nothing was written. */
  async write(job: ClaimedJob, outcome: Outcome): Promise<boolean> {
    this.waiting++;
    try {
      return await this.writeWhenPossible(job, outcome);
    } finally {
      this.waiting--;
      if (this.crowd && this.waiting < MOST_WAITING) this.disperse();
    }
  }

  abandon(): void {
    this.abandoned = true;
    this.disperse();
  }

  private disperse(): void {
    this.crowd?.end();
    this.crowd = null;
  }

  private async writeWhenPossible(job: ClaimedJob, outcome: Outcome): Promise<boolean> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.settler.settle({ jobId: job.id, leaseEpoch: job.leaseEpoch, outcome });
      } catch (error) {
        if (refusesData(error)) return this.writeRefused(job, error);
        if (this.abandoned) throw error;
        if (tries === 0) this.log.warn({ err: error, jobId: job.id }, 'the outcome cannot be written yet');
        const pause = PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)];
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  private async writeRefused({ id: jobId, leaseEpoch }: ClaimedJob, reason: unknown): Promise<boolean> {
    this.log.error({ err: reason, jobId }, 'the outcome cannot be stored');
    const outcome: Outcome = {
      kind: 'failed',
      error: 'Its outcome could not be stored.',
      errorCode: 'outcome_unstorable',
    };
    return this.settler.settle({ jobId, leaseEpoch, outcome });
  }
}
