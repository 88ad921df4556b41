import { Injectable, Module } from '@nestjs/common';
import { z } from 'zod';
import { Database, execute, query, type DatabaseScope } from '../../src/kernel/database/index.js';
import { UserError } from '../../src/kernel/http/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../src/modules/jobs/index.js';

/** What a job of the fault runner does; each has one right end (`verdicts.repository.ts`). */
export const FAULT_KINDS = ['quick', 'slow', 'stubborn', 'flaky', 'refused', 'blocking'] as const;

const payload = z.strictObject({
  /** Which request of the load it came from. */
  n: z.number().int(),
  round: z.number().int(),
  kind: z.enum(FAULT_KINDS),
  milliseconds: z.number().int().min(0).max(120_000),
});
type Work = z.output<typeof payload>;
type Fence = JobContext['fence'];

/** The side effects of the handlers, in tables of the runner's own. */
@Injectable()
class Effects {
  private readonly scope: DatabaseScope;

  constructor(database: Database) {
    this.scope = database.system('fault effects');
  }

  async begun({ jobId, leaseEpoch }: Fence): Promise<void> {
    await execute(
      this.scope.read,
      `insert into fault_effects (job_id, lease_epoch, pid, step) values ($1, $2, $3, 'begun')`,
      [jobId, leaseEpoch, process.pid],
    );
  }

  /** What a handler's fenced write looks like: while it holds the row, nobody can take the job away. */
  async done({ jobId, leaseEpoch }: Fence): Promise<boolean> {
    const rows = await query<{ step: string }>(
      this.scope.read,
      `with holder as (
         select id from jobs where id = $1 and status = 'running' and lease_epoch = $2 for share),
       written as (
         insert into fault_effects (job_id, lease_epoch, pid, step) select id, $2, $3, 'done' from holder)
       insert into fault_effects (job_id, lease_epoch, pid, step)
         select $1, $2, $3, 'refused' where not exists (select from holder) returning step`,
      [jobId, leaseEpoch, process.pid],
    );
    return rows.length === 0;
  }
}

const common = {
  payload,
  // Statements of a handler fail while the database is away; that must not be what ends a job.
  maxRetries: 100,
  backoff: { kind: 'fixed', seconds: 0.5 },
} as const;

@Injectable() // what its subclasses are given is read from here
abstract class FaultHandler extends JobHandler<Work> {
  constructor(private readonly effects: Effects) {
    super();
  }

  async run(context: JobContext, { kind, milliseconds }: Work): Promise<object> {
    const { fence, signal } = context;
    await this.effects.begun(fence);
    context.progress(10, { epoch: fence.leaseEpoch });
    if (kind === 'refused') throw UserError.forbidden('as it was told to', 'told_to_refuse');
    if (kind === 'flaky' && context.retryCount === 0) throw new Error('as it was told to');
    if (kind === 'blocking' && fence.leaseEpoch === 1) block(milliseconds);
    else await pause(milliseconds, kind === 'stubborn' ? null : signal);
    context.progress(60, { epoch: fence.leaseEpoch });
    if (!(await this.effects.done(fence))) throw new Error('fenced off');
    return { epoch: fence.leaseEpoch };
  }
}

@HandlesJob(defineJob({ ...common, name: 'fault-single', summary: 'Writes its effect; one to a hint.' }))
class Single extends FaultHandler {}

@HandlesJob(
  defineJob({ ...common, name: 'fault-shared', summary: 'Writes its effect; shares hints.', hintSize: 20 }),
)
class Shared extends FaultHandler {}

/** Job types that exist only in the fault runner. */
@Module({ providers: [Effects, Single, Shared] })
export class FaultJobsModule {}

/** Nothing else of this process runs meanwhile: no beat, no answer to anybody. */
function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

function pause(milliseconds: number, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new Error('aborted'));
    });
  });
}
