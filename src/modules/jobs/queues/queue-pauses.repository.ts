import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import { IN_FLIGHT } from '../engine/job-status.js';

export interface QueuePause {
  readonly queue: string;
  readonly pausedAt: Date;
  readonly pausedBy: string | null;
  readonly note: string | null;
  readonly pausedUntil: Date | null;
}

export interface NewPause {
  readonly queue: string;
  readonly pausedBy: string;
  readonly note: string;
  readonly pausedUntil: Date | null;
}

const PAUSE = `name as queue, paused_at as "pausedAt", paused_by as "pausedBy", note, paused_until as "pausedUntil"`;
/** A pause whose end has come counts as over, also while its row is still there. */
const IN_FORCE = `(paused_until is null or paused_until > clock_timestamp())`;

/** Which queues are paused: a row each. */
@Injectable()
export class QueuePausesRepository {
  /**
   * Keeps everybody from dispatching jobs of the queue until the transaction ends, and waits for dispatches that are
   * under way to commit (`queue_is_open`).
   */
  async holdDispatches(tx: Tx, queue: string): Promise<void> {
    await execute(tx, `select pg_advisory_xact_lock(7410020, hashtext($1))`, [queue]);
  }

  /** Null: it is not paused. */
  async find(read: Read, queue: string): Promise<QueuePause | null> {
    return queryOne<QueuePause>(read, `select ${PAUSE} from job_queues where name = $1 and ${IN_FORCE}`, [
      queue,
    ]);
  }

  async all(read: Read): Promise<QueuePause[]> {
    return query<QueuePause>(read, `select ${PAUSE} from job_queues where ${IN_FORCE}`);
  }

  /**
   * In the place of the pause there was, if any: always an insert, which an owner who is being erased meanwhile
   * refuses. Since when it is paused does not change. False: `pausedUntil` has passed.
   */
  async put(tx: Tx, pause: NewPause): Promise<boolean> {
    const before = await queryOne<{ pausedAt: Date | null }>(
      tx,
      `delete from job_queues where name = $1 returning case when ${IN_FORCE} then paused_at end as "pausedAt"`,
      [pause.queue],
    );
    const made = await execute(
      tx,
      `insert into job_queues (name, paused_by, note, paused_until, paused_at)
       select $1, $2, $3, $4, coalesce($5, clock_timestamp()) where $4::timestamptz is null or $4 > clock_timestamp()`,
      [pause.queue, pause.pausedBy, pause.note, pause.pausedUntil, before?.pausedAt ?? null],
    );
    return made === 1;
  }

  /** Ends a pause that is in force. False: there is none. */
  async end(tx: Tx, queue: string): Promise<boolean> {
    return (await execute(tx, `delete from job_queues where name = $1 and ${IN_FORCE}`, [queue])) === 1;
  }

  /** Forgets the pauses whose end has come; answers their queues. */
  async expire(tx: Tx): Promise<{ queue: string; pausedUntil: Date }[]> {
    return query(
      tx,
      `delete from job_queues where paused_until <= clock_timestamp() returning name as queue, paused_until as "pausedUntil"`,
    );
  }

  /** `queued → pending` for everything of the queue: no hint that waits in it can start anything. Answers how many. */
  async takeBack(tx: Tx, queue: string): Promise<number> {
    return execute(
      tx,
      `update jobs set status = 'pending', run_at = now(), updated_at = clock_timestamp()
        where ${IN_FLIGHT} and status = 'queued' and queue = $1`,
      [queue],
    );
  }

  async pausedBy(read: Read, userId: string): Promise<QueuePause[]> {
    return query<QueuePause>(read, `select ${PAUSE} from job_queues where paused_by = $1 order by name`, [
      userId,
    ]);
  }

  /** The queues stay paused; who did it and their words go. */
  async forgetWho(tx: Tx, userId: string): Promise<void> {
    await execute(tx, `update job_queues set paused_by = null, note = null where paused_by = $1`, [userId]);
  }
}
