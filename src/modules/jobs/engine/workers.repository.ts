import { Injectable } from '@nestjs/common';
import { execute, query, queryOne, type Read, type Tx } from '../../../kernel/database/index.js';
import { WORKER_SILENCE_SECONDS } from './job-moves.repository.js';
import { IN_FLIGHT } from './job-status.js';

/** A running job as its row says. */
export interface HeldJob {
  readonly id: string;
  readonly leaseEpoch: number;
  readonly cancelRequested: boolean;
}

/** Of a row of workers: it has renewed its beat lately. */
export const ALIVE = `workers.beat_at > clock_timestamp() - make_interval(secs => ${WORKER_SILENCE_SECONDS})`;

const HELD_COLUMNS = `id, lease_epoch as "leaseEpoch", cancel_requested_at is not null as "cancelRequested"`;

/** The worker processes and their beats. */
@Injectable()
export class WorkersRepository {
  async register(
    tx: Tx,
    worker: { id: string; hostname: string; pid: number; queues: readonly string[]; slots: number },
  ): Promise<void> {
    await execute(tx, `insert into workers (id, hostname, pid, queues, slots) values ($1, $2, $3, $4, $5)`, [
      worker.id,
      worker.hostname,
      worker.pid,
      worker.queues,
      worker.slots,
    ]);
  }

  /** Renews every lease of the worker at once. False: it was silent for so long that its row was removed. */
  async beat(read: Read, workerId: string): Promise<boolean> {
    return (
      (await execute(read, `update workers set beat_at = clock_timestamp() where id = $1`, [workerId])) === 1
    );
  }

  /** Those of these jobs whose rows say that this worker runs them. */
  async heldAmong(read: Read, workerId: string, ids: readonly string[]): Promise<HeldJob[]> {
    if (ids.length === 0) return [];
    return query<HeldJob>(
      read,
      `select ${HELD_COLUMNS} from jobs where id = any($2::uuid[]) and status = 'running' and worker_id = $1`,
      [workerId, ids],
    );
  }

  /** All jobs whose rows say that this worker runs them: reads every job in flight. */
  async heldBy(read: Read, workerId: string): Promise<HeldJob[]> {
    return query<HeldJob>(
      read,
      `select ${HELD_COLUMNS} from jobs
        where ${IN_FLIGHT} and status = 'running' and worker_id = $1`,
      [workerId],
    );
  }

  /** How many are alive; of those that take jobs of the queue, where one is given. */
  async living(read: Read, queue: string | null = null): Promise<number> {
    const row = await queryOne<{ workers: number }>(
      read,
      `select count(*)::integer as workers from workers where ${ALIVE} and ($1::text is null or $1 = any(queues))`,
      [queue],
      'workers_living',
    );
    return row!.workers;
  }

  /** Queue messages that the workers alive handle at the same time, by queue. */
  async slots(read: Read): Promise<ReadonlyMap<string, number>> {
    const rows = await query<{ queue: string; slots: number }>(
      read,
      `select queue, sum(slots)::integer as slots from workers cross join unnest(queues) as queue
        where ${ALIVE} group by queue`,
      [],
      'workers_slots',
    );
    return new Map(rows.map(({ queue, slots }) => [queue, slots]));
  }

  async remove(read: Read, workerId: string): Promise<void> {
    await execute(read, `delete from workers where id = $1`, [workerId]);
  }

  /** Forgets workers silent for so long that their jobs have been rescued. */
  async forgetSilent(read: Read, seconds: number): Promise<number> {
    return execute(
      read,
      `delete from workers where beat_at < clock_timestamp() - make_interval(secs => $1)`,
      [seconds],
    );
  }
}
