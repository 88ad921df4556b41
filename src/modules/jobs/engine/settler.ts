import { Injectable } from '@nestjs/common';
import { Database, GroupCommit, type Tx } from '../../../kernel/database/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import type { JobEndedData } from '../jobs.events.js';
import { EndedJobs } from './ended-jobs.js';
import {
  JobMovesRepository,
  endedEvent,
  type ClaimedJob,
  type EndedJob,
  type Settlement,
} from './job-moves.repository.js';

type Claim = readonly [jobId: string, dispatchNo: number];

/**
 * Claims and settlements of one process, sharing statements. A promise resolves only after the commit: a job
 * counts as done when its row says so.
 */
@Injectable()
export class Settler {
  private readonly settlements = new GroupCommit<Settlement, boolean>((items) => this.settleAll(items));
  private readonly claims = new Map<string, GroupCommit<Claim, ClaimedJob | null>>();

  constructor(
    private readonly database: Database,
    private readonly moves: JobMovesRepository,
    private readonly events: Events,
    private readonly ended: EndedJobs,
  ) {}

  /** The claimed job, or null when somebody else was faster or the dispatch is an old one. */
  claim(workerId: string, claim: Claim): Promise<ClaimedJob | null> {
    let group = this.claims.get(workerId);
    if (!group) {
      group = new GroupCommit((items: Claim[]) => this.claimAll(workerId, items));
      this.claims.set(workerId, group);
    }
    return group.submit(claim);
  }

  /** False: the attempt no longer holds the job, nothing was written. */
  settle(settlement: Settlement): Promise<boolean> {
    return this.settlements.submit(settlement);
  }

  /** Records the events of jobs that ended, in the transaction that ended them. */
  async recordEnds(tx: Tx, jobs: readonly EndedJob[]): Promise<void> {
    this.ended.tellAfter(tx, jobs);
    await this.events.record(
      tx,
      jobs.flatMap((job) => {
        const type = endedEvent(job);
        if (!type) return [];
        const data: JobEndedData = {
          type: job.type,
          status: type === 'job.completed' ? 'completed' : type === 'job.failed' ? 'failed' : 'cancelled',
          scheduleId: job.scheduleId,
          error: job.error,
        };
        return [{ type, channel: 'jobs', userId: job.userId, subjectId: job.id, data }];
      }),
    );
  }

  private async claimAll(workerId: string, items: readonly Claim[]): Promise<(ClaimedJob | null)[]> {
    const claimed = await this.database
      .system('job claims')
      .tx((tx) => this.moves.claim(tx, workerId, items));
    const byId = new Map(claimed.map((job) => [job.id, job]));
    return items.map(([id]) => {
      const job = byId.get(id) ?? null;
      byId.delete(id); // the same id twice in one batch: only the first has claimed it
      return job;
    });
  }

  private async settleAll(items: readonly Settlement[]): Promise<boolean[]> {
    const moved = await this.database.system('job settlements').tx(async (tx) => {
      const jobs = await this.moves.settle(tx, items);
      await this.recordEnds(tx, jobs);
      return new Set(jobs.map((job) => job.id));
    });
    return items.map(({ jobId }) => moved.has(jobId));
  }
}
