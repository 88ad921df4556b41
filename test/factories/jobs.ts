import { Injectable, Module } from '@nestjs/common';
import { z } from 'zod';
import { UserError } from '../../src/kernel/http/index.js';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../src/modules/jobs/index.js';

/** What the test's handlers saw, by job id. One per application: tests ask for it by class. */
@Injectable()
export class Runs {
  private readonly counts = new Map<string, number>();
  private readonly releases = new Map<string, () => void>();
  private readonly failures = new Map<string, () => void>();

  count(jobId: string): number {
    return this.counts.get(jobId) ?? 0;
  }
  begin(jobId: string): void {
    this.counts.set(jobId, this.count(jobId) + 1);
  }
  /** Lets a `test-wait` job finish. */
  release(jobId: string): void {
    this.releases.get(jobId)?.();
  }
  /** Lets a `test-wait` job fail in a way that may pass. */
  fail(jobId: string): void {
    this.failures.get(jobId)?.();
  }
  waitForRelease({ jobId, signal }: JobContext): Promise<void> {
    return new Promise((resolve, reject) => {
      this.releases.set(jobId, resolve);
      this.failures.set(jobId, () => reject(new Error('failed')));
      signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true });
    });
  }
}

const text = z.strictObject({ text: z.string().max(200) });
const quick = { backoff: { kind: 'fixed', seconds: 0.05 } } as const;

@HandlesJob(
  defineJob({ name: 'test-echo', summary: 'Answers its text.', payload: text, hintSize: 50, ...quick }),
)
class Echo extends JobHandler<z.output<typeof text>> {
  constructor(private readonly runs: Runs) {
    super();
  }
  async run(context: JobContext, payload: z.output<typeof text>): Promise<object> {
    this.runs.begin(context.jobId);
    context.progress(50, { half: true });
    context.log('info', `echo ${payload.text}`, { length: payload.text.length });
    return { text: payload.text };
  }
}

const failures = z.strictObject({ failures: z.number().int().min(0) });

@HandlesJob(
  defineJob({ name: 'test-flaky', summary: 'Fails some times first.', payload: failures, ...quick }),
)
class Flaky extends JobHandler<z.output<typeof failures>> {
  constructor(private readonly runs: Runs) {
    super();
  }
  async run({ jobId, retryCount }: JobContext, payload: z.output<typeof failures>): Promise<null> {
    this.runs.begin(jobId);
    if (retryCount < payload.failures) throw new Error(`failure ${retryCount + 1}`);
    return null;
  }
}

const nothing = z.strictObject({});

@HandlesJob(defineJob({ name: 'test-refused', summary: 'A fault of its user.', payload: nothing, ...quick }))
class Refused extends JobHandler {
  async run(): Promise<null> {
    throw UserError.forbidden('not this one', 'not_this_one');
  }
}

@HandlesJob(defineJob({ name: 'test-wait', summary: 'Waits for its release.', payload: nothing, ...quick }))
class Wait extends JobHandler {
  constructor(private readonly runs: Runs) {
    super();
  }
  async run(context: JobContext): Promise<null> {
    this.runs.begin(context.jobId);
    await this.runs.waitForRelease(context);
    return null;
  }
}

@HandlesJob(
  defineJob({
    name: 'test-single',
    summary: 'Nothing, in a message of its own.',
    payload: nothing,
    ...quick,
  }),
)
class Single extends JobHandler {
  async run(): Promise<null> {
    return null;
  }
}

const poison = z.strictObject({ where: z.enum(['error', 'result', 'log', 'progress']) });

@HandlesJob(
  defineJob({ name: 'test-unstorable', summary: 'Text no database stores.', payload: poison, maxRetries: 0 }),
)
class Unstorable extends JobHandler<z.output<typeof poison>> {
  async run(context: JobContext, { where }: z.output<typeof poison>): Promise<object | null> {
    const evil = 'a\0b\ud800c';
    if (where === 'log') context.log('info', evil, { [evil]: evil });
    if (where === 'progress') context.progress(10, { evil });
    if (where === 'error') throw new Error(evil);
    return { evil };
  }
}

@HandlesJob(
  defineJob({ name: 'test-admins-only', summary: 'For admins.', payload: nothing, requiredRole: 'admin' }),
)
class AdminsOnly extends JobHandler {
  async run(): Promise<null> {
    return null;
  }
}

/** Job types that exist only in tests. */
@Module({ providers: [Runs, Echo, Flaky, Refused, Wait, Single, Unstorable, AdminsOnly] })
export class TestJobsModule {}
