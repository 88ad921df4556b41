import { Injectable } from '@nestjs/common';
import { execute, query, type Read, type Tx } from '../../../kernel/database/index.js';

/** A running job as its row says. */
export interface HeldJob {
  readonly id: string;
  readonly leaseEpoch: number;
  readonly cancelRequested: boolean;
}

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

  /** The jobs whose rows say that this worker runs them. */
  async heldBy(read: Read, workerId: string): Promise<HeldJob[]> {
    return query<HeldJob>(
      read,
      `select id, lease_epoch as "leaseEpoch", cancel_requested_at is not null as "cancelRequested" from jobs
        where run_at is null and completed_at is null and cancelled_at is null and status = 'running' and worker_id = $1`,
      [workerId],
    );
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
