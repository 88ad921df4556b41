import { Injectable } from '@nestjs/common';
import { execute, query, type Read, type Tx } from '../../../kernel/database/index.js';

export interface Beat {
  /** False: this worker was silent for so long that its row was removed; it must register again. */
  readonly known: boolean;
  /** Which of the asked jobs it still holds, and whether somebody asked to cancel them. The others were taken away. */
  readonly held: ReadonlyMap<string, { readonly cancelRequested: boolean }>;
}

/** The worker processes and their beats. */
@Injectable()
export class WorkersRepository {
  async register(
    tx: Tx,
    worker: { id: string; hostname: string; pid: number; queues: readonly string[] },
  ): Promise<void> {
    await execute(tx, `insert into workers (id, hostname, pid, queues) values ($1, $2, $3, $4)`, [
      worker.id,
      worker.hostname,
      worker.pid,
      worker.queues,
    ]);
  }

  /** Renews every lease of the worker at once and answers what it must know about them. */
  async beat(read: Read, workerId: string, runningIds: readonly string[]): Promise<Beat> {
    const known =
      (await execute(read, `update workers set beat_at = clock_timestamp() where id = $1`, [workerId])) === 1;
    if (runningIds.length === 0) return { known, held: new Map() };
    const rows = await query<{ id: string; cancelRequested: boolean }>(
      read,
      `select id, cancel_requested_at is not null as "cancelRequested" from jobs
        where id = any($1::uuid[]) and worker_id = $2 and status = 'running'`,
      [runningIds, workerId],
    );
    return { known, held: new Map(rows.map(({ id, cancelRequested }) => [id, { cancelRequested }])) };
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
