import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Module, type Type } from '@nestjs/common';
import { z } from 'zod';
import { HandlesJob, JobHandler, defineJob, type JobContext } from '../../src/modules/jobs/index.js';

/** How many jobs ran at the same time, in this application: by type and key of their payload. */
@Injectable()
export class Gauge {
  private readonly running = new Map<string, number>();
  private readonly most = new Map<string, number>();
  readonly runs: string[] = [];

  enter(name: string): void {
    const now = (this.running.get(name) ?? 0) + 1;
    this.running.set(name, now);
    this.most.set(name, Math.max(now, this.mostOf(name)));
  }
  leave(name: string): void {
    this.running.set(name, (this.running.get(name) ?? 0) - 1);
  }
  mostOf(name: string): number {
    return this.most.get(name) ?? 0;
  }
}

/** The same over all applications of this process. */
export const everywhere = new Gauge();

const payload = z.strictObject({
  key: z.string().max(200),
  ms: z.number().int().min(0).max(60_000).default(5),
  /** Fills it up. */
  more: z.unknown().optional(),
});
export type LimitedPayload = z.output<typeof payload>;

/** Takes its time, and is counted meanwhile. */
@Injectable()
class Counted extends JobHandler<LimitedPayload> {
  constructor(protected readonly gauge: Gauge) {
    super();
  }
  async run({ jobId, signal }: JobContext, { key, ms }: LimitedPayload): Promise<object | null> {
    const type = this.constructor.name;
    const names = [type, `${type} ${key}`];
    for (const gauge of [this.gauge, everywhere]) for (const name of names) gauge.enter(name);
    this.gauge.runs.push(jobId);
    try {
      await pause(ms, undefined, { signal });
    } finally {
      for (const gauge of [this.gauge, everywhere]) for (const name of names) gauge.leave(name);
    }
    return null;
  }
}

const common = {
  summary: 'For tests of limits.',
  payload,
  backoff: { kind: 'fixed', seconds: 0.05 },
} as const;
const byKey = ({ key }: LimitedPayload): string => key;

@HandlesJob(defineJob({ ...common, name: 'test-global', limits: { global: 3 } }))
export class Global extends Counted {}

@HandlesJob(defineJob({ ...common, name: 'test-hints', hintSize: 10, limits: { global: 4 } }))
export class Hints extends Counted {}

@HandlesJob(
  defineJob({ ...common, name: 'test-keyed', limits: { perKey: { jobs: 2, key: byKey, by: 'key' } } }),
)
export class Keyed extends Counted {}

@HandlesJob(
  defineJob({ ...common, name: 'test-both', limits: { global: 4, perKey: { jobs: 2, key: byKey } } }),
)
export class Both extends Counted {}

@HandlesJob(defineJob({ ...common, name: 'test-places', concurrency: 2 }))
export class Places extends Counted {}

@HandlesJob(defineJob({ ...common, name: 'test-rate', limits: { rate: { jobs: 5, perSeconds: 1 } } }))
export class Rated extends Counted {}

@HandlesJob(
  defineJob({
    ...common,
    name: 'test-rate-key',
    limits: {
      perKey: { jobs: 1, key: (_, { userId }) => String(userId) },
      rate: { jobs: 2, perSeconds: 30, key: byKey },
    },
  }),
)
export class RatedByKey extends Counted {}

@HandlesJob(defineJob({ ...common, name: 'test-until-started', unique: { until: 'started', key: byKey } }))
export class UntilStarted extends Counted {}

@HandlesJob(defineJob({ ...common, name: 'test-until-finished', unique: { until: 'finished', key: byKey } }))
export class UntilFinished extends Counted {}

@HandlesJob(defineJob({ ...common, name: 'test-not-again', onCrash: 'fail' }))
export class NotAgain extends Counted {}

@HandlesJob(
  defineJob({
    ...common,
    name: 'test-small',
    sizes: { payload: 200, result: 100, logLines: 3 },
    maxRetries: 1,
    backoff: { kind: 'custom', seconds: () => NaN, describe: 'Nonsense.' },
  }),
)
export class Small extends JobHandler<LimitedPayload> {
  async run({ log, retryCount }: JobContext, { key }: LimitedPayload): Promise<object> {
    for (let line = 0; line < 5; line += 1) log('info', `line ${line}`);
    if (key === 'fails' && retryCount === 0) throw new Error('once');
    return { text: 'x'.repeat(200) };
  }
}

export const LIMITED_TYPES: Type[] = [
  Global,
  Hints,
  Keyed,
  Both,
  Places,
  Rated,
  RatedByKey,
  UntilStarted,
  UntilFinished,
  NotAgain,
  Small,
];

/** Job types with limits that exist only in tests. */
@Module({ providers: [Gauge, ...LIMITED_TYPES] })
export class LimitedJobsModule {}
