import { Injectable } from '@nestjs/common';
import { Database, GroupCommit, newId, type DatabaseScope, type Tx } from '../../../kernel/database/index.js';
import { OperationalError } from '../../../kernel/http/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import type { JobEndedData } from '../jobs.events.js';
import type { JobFence } from '../definition/define-job.js';
import { DispatchRepository, type Claim } from './dispatch.repository.js';
import { EndedJobs } from './ended-jobs.js';
import { endedEvent, type ClaimedJob, type EndedJob, type Settlement } from './job-moves.repository.js';
import { TurnoverRepository } from './turnover.repository.js';

type Move = { readonly claim: Claim } | { readonly settlement: Settlement };

/** With fewer moves than this a second statement beside one under way costs more than it gains. */
const WORTH_A_STATEMENT = 40;

/**
 * Claims and settlements of one process, sharing statements. A promise resolves only after the commit: a job
 * counts as done when its row says so.
 */
@Injectable()
export class Settler {
  /** Under this id the process claims jobs. */
  readonly workerId = newId();
  private readonly moves = new GroupCommit<Move, ClaimedJob | boolean | null>(
    (items) => this.turnOver(items),
    { besideFrom: WORTH_A_STATEMENT },
  );
  private readonly scope: DatabaseScope;

  constructor(
    database: Database,
    private readonly turnover: TurnoverRepository,
    private readonly dispatches: DispatchRepository,
    private readonly events: Events,
    private readonly ended: EndedJobs,
  ) {
    this.scope = database.system('job claims and settlements');
  }

  /** The claimed job, or null when somebody else was faster or the dispatch is an old one. */
  async claim(claim: Claim): Promise<ClaimedJob | null> {
    return (await this.moves.submit({ claim })) as ClaimedJob | null;
  }

  /** False: the attempt no longer holds the job, nothing was written. */
  async settle(settlement: Settlement): Promise<boolean> {
    return (await this.moves.submit({ settlement })) as boolean;
  }

  /** For a handler's own writes, first in their transaction: throws when its attempt does not hold the job any more. */
  async assertHeld(tx: Tx, fence: JobFence, lock: 'share' | 'update' = 'share'): Promise<void> {
    if (!(await this.turnover.holds(tx, fence, lock)))
      throw new OperationalError('lease_lost', 'Another attempt of this job has begun.');
  }

  /** Hands back jobs of a hint that were not claimed. */
  async sendBack(claims: readonly Claim[]): Promise<void> {
    await this.dispatches.takeBack(this.scope.read, claims);
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

  private async turnOver(moves: readonly Move[]): Promise<(ClaimedJob | boolean | null)[]> {
    const { claimed, settled } = await this.turnover.turnOver(
      this.scope.read,
      this.workerId,
      moves.flatMap((move) => ('settlement' in move ? [move.settlement] : [])),
      moves.flatMap((move) => ('claim' in move ? [move.claim] : [])),
    );
    if (settled.size > 0) this.events.announce();
    const given = new Set<string>();
    return moves.map((move) => {
      if ('settlement' in move) return settled.has(move.settlement.jobId);
      const [id] = move.claim;
      // The same id twice in one batch: only the first has claimed it.
      if (given.has(id)) return null;
      given.add(id);
      return claimed.get(id) ?? null;
    });
  }
}
