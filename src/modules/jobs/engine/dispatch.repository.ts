import { Injectable } from '@nestjs/common';
import { execute, query, type Tx } from '../../../kernel/database/index.js';

export interface DispatchedJob {
  readonly id: string;
  readonly type: string;
  readonly dispatchNo: number;
  readonly dispatchedAt: Date;
}

/** How jobs come from waiting to the queue: becoming due, and the move `dispatch`. */
@Injectable()
export class DispatchRepository {
  /** Gives the pending jobs whose time has come a turn: first come, first served. Answers how many. */
  async becomeDue(tx: Tx, limit: number): Promise<number> {
    return execute(
      tx,
      `with due as (
         select id from jobs where run_at <= now() and turn is null order by run_at, id limit $1 for update skip locked)
       update jobs set turn = 0, updated_at = clock_timestamp() from due where jobs.id = due.id and jobs.status = 'pending'`,
      [limit],
    );
  }

  /** `pending → queued` for due jobs, most urgent first. Concurrent dispatchers share them out by SKIP LOCKED. */
  async dispatchDue(tx: Tx, queue: string, limit: number): Promise<DispatchedJob[]> {
    return query<DispatchedJob>(
      tx,
      `with due as (
         select id from jobs where queue = $1 and turn is not null and limit_key is null and (select queue_is_open($1))
          order by priority, turn, id limit $2 for update skip locked)
       update jobs set status = 'queued', run_at = null, turn = null, dispatch_no = dispatch_no + 1, dispatched_at = clock_timestamp(), updated_at = clock_timestamp()
         from due where jobs.id = due.id and jobs.status = 'pending'
       returning jobs.id, jobs.type, jobs.dispatch_no as "dispatchNo", jobs.dispatched_at as "dispatchedAt"`,
      [queue, limit],
      'jobs_dispatch_due',
    );
  }
}
