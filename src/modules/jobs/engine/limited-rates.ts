import type { Tx } from '../../../kernel/database/index.js';
import { digest, partsOf } from '../definition/limit-key.js';
import type { DispatchedJob } from './dispatch.repository.js';
import type { LimitedDispatchRepository } from './limited-dispatch.repository.js';
import { EMPTY_LOG, allowedBy, nextAt, recentOf, spend, type Rate, type RateLog } from './rate-log.js';

/** A job that was dispatched, and the key it fell under. */
export interface StartedJob {
  readonly job: DispatchedJob;
  readonly limitKey: string;
}

/** What the rate of one type lets start now, for some of its keys. Only while the lock of the type is held. */
export class Rates {
  private readonly logs = new Map<string, RateLog>();

  private constructor(
    private readonly tx: Tx,
    private readonly repository: LimitedDispatchRepository,
    private readonly type: string,
    private readonly rate: Rate | undefined,
    private readonly now: number,
  ) {}

  static async load(
    tx: Tx,
    repository: LimitedDispatchRepository,
    type: string,
    rate: Rate | undefined,
    limitKeys: readonly string[],
  ): Promise<Rates> {
    const now = rate ? await repository.now(tx) : 0;
    const rates = new Rates(tx, repository, type, rate, now);
    if (!rate || limitKeys.length === 0) return rates;
    const parts = new Map(
      limitKeys.map((key) => partsOf(key).rate).map((part) => [digest(part).toString('hex'), part]),
    );
    for (const row of await repository.rates(tx, type, [...parts.values()].map(digest)))
      rates.logs.set(parts.get(row.key.toString('hex')) ?? '', recentOf(row, rate, now));
    return rates;
  }

  allowed(part: string): number {
    return this.rate ? allowedBy(this.logOf(part), this.rate) : Infinity;
  }

  /** Writes down what has started. The moment is not before that in any of the rows, so a window never holds more. */
  async spent(started: readonly StartedJob[]): Promise<void> {
    if (!this.rate || started.length === 0) return;
    const parts = new Map<string, StartedJob[]>();
    for (const one of started) {
      const { rate } = partsOf(one.limitKey);
      parts.set(rate, [...(parts.get(rate) ?? []), one]);
    }
    for (const [part, jobs] of parts) {
      const latest = Math.max(...jobs.map(({ job }) => job.dispatchedAt.getTime() + 1));
      this.logs.set(part, spend(this.logOf(part), this.rate, latest, jobs.length));
    }
    const rows = [...parts.keys()].map((part) => ({ key: digest(part), ...this.logOf(part) }));
    await this.repository.saveRates(this.tx, this.type, this.rate.perSeconds, rows);
  }

  /** Until the first of these keys that the rate holds may go on; null when it holds none. */
  nextInMs(limitKeys: readonly string[]): number | null {
    const { rate } = this;
    if (!rate) return null;
    const next = limitKeys.flatMap((key) => nextAt(this.logOf(partsOf(key).rate), rate) ?? []);
    return next.length === 0 ? null : Math.max(0, Math.ceil(Math.min(...next) - this.now));
  }

  private logOf(part: string): RateLog {
    return this.logs.get(part) ?? EMPTY_LOG;
  }
}
