import { Injectable } from '@nestjs/common';
import { Database, type DatabaseScope, type Tx } from '../../../kernel/database/index.js';
import type { QueueName } from '../../../kernel/queue/index.js';
import type { JobDefinition } from '../definition/define-job.js';
import { JobRegistry } from '../definition/job-registry.js';
import type { DispatchedJob } from './dispatch.repository.js';
import { FairTurns, laneOf } from './fair-turns.js';
import { LimitedDispatchRepository } from './limited-dispatch.repository.js';
import { allowanceOf, plan, type Allowance } from './limited-plan.js';
import { Rates, type StartedJob } from './limited-rates.js';
import type { DueSource } from './unlimited-jobs.js';
import { WorkersRepository } from './workers.repository.js';

/** Keys one transaction looks at, and transactions of one type in a row: both bound what a dispatch may cost. */
const KEYS = 200;
const PASSES = 10;
/** Jobs one transaction may dispatch. */
const BATCH = 500;
/** When another dispatcher holds the lock of a type: it may have counted before what woke us happened. */
const LOCKED_AGAIN_MS = 25;
/** When there are more keys than one dispatch may look at. */
const MORE_AGAIN_MS = 100;
/** Every dispatcher looks by itself much more often. */
const LONGEST_TIMER_MS = 60_000;

/** Bounds of a type that this build does not know or that has none any more: its jobs fail visibly, or just run. */
const UNBOUND: Pick<JobDefinition, 'limits' | 'concurrency' | 'hintSize' | 'queue'> = {
  limits: {},
  concurrency: null,
  hintSize: 1,
  queue: 'default',
};
type Bounds = typeof UNBOUND;

interface Pass {
  readonly jobs: readonly DispatchedJob[];
  /** What was looked at. */
  readonly keys: readonly string[];
  /** More of this type might start at once: there are keys that were not looked at, or that had but one share. */
  readonly more: boolean;
  /** When to look again by oneself, in milliseconds from now. */
  readonly againInMs: number | null;
}
const NOTHING: Pass = { jobs: [], keys: [], more: false, againInMs: null };

/**
 * Dispatches jobs of types with limits. At every instant no more of them are in flight (queued or running) than the
 * limits say, in any number of processes, and no more are handed out within any time than the rate says (S2-25).
 *
 * Keys take turns: each is given one job before any is given a second, from where the last look ended. What has to
 * wait for a place is looked at when one becomes free, which wakes the dispatcher; what waits for the rate, by a timer.
 */
@Injectable()
export class LimitedJobs implements DueSource {
  private readonly scope: DatabaseScope;
  /** Where the last look at the keys of a type ended. */
  private readonly cursors = new Map<string, string>();
  private turn = 0;
  private wake: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;
  private timerAt = Infinity;

  constructor(
    database: Database,
    private readonly repository: LimitedDispatchRepository,
    private readonly workers: WorkersRepository,
    private readonly registry: JobRegistry,
    private readonly turns: FairTurns,
  ) {
    this.scope = database.system('job dispatch');
  }

  /** `wake` is called when waiting jobs may start although nothing else has happened. */
  begin(wake: () => void): void {
    this.wake = wake;
  }

  stop(): void {
    this.wake = () => undefined;
    clearTimeout(this.timer);
    this.timerAt = Infinity;
  }

  /** Types take turns, too. */
  async take(queue: QueueName, limit: number): Promise<DispatchedJob[]> {
    const types = (await this.repository.waitingTypes(this.scope.read))
      .map((type) => ({ type, bounds: this.registry.find(type)?.definition ?? UNBOUND }))
      .filter(({ bounds }) => bounds.queue === queue);
    if (types.length > 0) types.push(...types.splice(0, this.turn++ % types.length));
    const dispatched: DispatchedJob[] = [];
    for (const { type, bounds } of types)
      if (dispatched.length < limit)
        dispatched.push(...(await this.takeType(type, bounds, queue, limit - dispatched.length)));
    this.passed(queue, dispatched);
    return dispatched;
  }

  /** Those who come now stand beside what is served now, not behind it. */
  private passed(queue: QueueName, jobs: readonly DispatchedJob[]): void {
    const now = performance.now();
    for (const { type, priority, turn, id } of jobs) {
      const lane = laneOf({ queue, type, limitKey: '' });
      this.turns.passed(lane, priority, { last: { turn, id }, count: 1, drained: false }, now);
    }
  }

  private async takeType(
    type: string,
    bounds: Bounds,
    queue: QueueName,
    most: number,
  ): Promise<DispatchedJob[]> {
    const dispatched: DispatchedJob[] = [];
    const seen = new Set<string>();
    for (let passes = 1; dispatched.length < most; passes += 1) {
      const wanted = Math.min(BATCH, most - dispatched.length);
      const pass = await this.scope.tx((tx) => this.pass(tx, type, bounds, queue, wanted));
      dispatched.push(...pass.jobs);
      if (pass.againInMs !== null) this.lookIn(pass.againInMs);
      const unseen = pass.keys.filter((key) => !seen.has(key));
      if (!pass.more || (pass.jobs.length === 0 && unseen.length === 0)) break;
      if (passes === PASSES) {
        this.lookIn(MORE_AGAIN_MS);
        break;
      }
      for (const key of unseen) seen.add(key);
    }
    return dispatched;
  }

  /** One look at some keys of one type. */
  private async pass(tx: Tx, type: string, bounds: Bounds, queue: QueueName, wanted: number): Promise<Pass> {
    const state = await this.repository.begin(tx, type, queue);
    if (state !== 'mine') return { ...NOTHING, againInMs: state === 'locked' ? LOCKED_AGAIN_MS : null };
    const { limits, concurrency } = bounds;
    const inFlight = await this.repository.inFlight(tx, type);
    const inAll = Math.min(
      limits.global ?? Infinity,
      concurrency === null ? Infinity : concurrency * (await this.workers.living(tx, queue)),
    );
    const free = Math.min(wanted, inAll - inFlight.jobs);
    if (free <= 0) return NOTHING;

    const { keys, all } = await this.nextKeys(tx, type);
    const rates = await Rates.load(tx, this.repository, type, limits.rate, keys);
    const perKey = limits.perKey?.jobs ?? Infinity;
    const allowance: Allowance = {
      jobs: free,
      ofLimit: (part) => (limits.perKey ? perKey - (inFlight.byPart.get(part) ?? 0) : Infinity),
      ofRate: (part) => rates.allowed(part),
    };
    const open = keys.filter((key) => allowanceOf(key, allowance) > 0);
    const chosen = open.slice(0, free);
    // The next look begins behind those that had their turn, or behind all when none is left that could have one.
    const last = (open.length > chosen.length ? chosen : keys).at(-1);
    if (last !== undefined) this.cursors.set(type, last);
    const share = Math.ceil(free / Math.max(1, chosen.length));
    const counts = chosen.map((key) => Math.min(share, allowanceOf(key, allowance)));
    const started = await this.start(tx, { type, queue, keys: chosen, counts, allowance });
    await rates.spent(started);
    return {
      jobs: started.map(({ job }) => job),
      keys,
      more: !all || open.length > chosen.length || started.length === free || counts.includes(share),
      againInMs: rates.nextInMs(keys),
    };
  }

  private async start(
    tx: Tx,
    of: { type: string; queue: string; keys: string[]; counts: number[]; allowance: Allowance },
  ): Promise<StartedJob[]> {
    if (of.keys.length === 0) return [];
    const candidates = await this.repository.candidates(tx, of.type, of.keys, of.counts);
    const planned = plan(candidates, of.keys, of.allowance);
    const jobs = await this.repository.dispatch(
      tx,
      of.queue,
      planned.map(({ id }) => id),
    );
    const moved = new Map(jobs.map((job) => [job.id, job]));
    return planned.flatMap(({ id, limitKey }) => {
      const job = moved.get(id);
      return job ? [{ job, limitKey }] : [];
    });
  }

  /** From the cursor on, and round to the first ones; `all` when these are all there are. */
  private async nextKeys(tx: Tx, type: string): Promise<{ keys: string[]; all: boolean }> {
    const cursor = this.cursors.get(type) ?? null;
    const ahead = await this.repository.waitingKeys(tx, type, cursor, KEYS);
    if (ahead.length === KEYS) return { keys: ahead, all: false };
    if (cursor === null) return { keys: ahead, all: true };
    const rest = await this.repository.waitingKeys(tx, type, null, KEYS - ahead.length);
    const behind = rest.filter((key) => !ahead.includes(key));
    return {
      keys: [...ahead, ...behind],
      all: rest.length < KEYS - ahead.length || behind.length < rest.length,
    };
  }
  /** Timers only ever move nearer: a look finds out again what the later one was for. */
  private lookIn(milliseconds: number): void {
    const wait = Math.min(milliseconds, LONGEST_TIMER_MS);
    const at = performance.now() + wait;
    if (at >= this.timerAt) return;
    clearTimeout(this.timer);
    this.timerAt = at;
    this.timer = setTimeout(() => {
      this.timerAt = Infinity;
      this.wake();
    }, wait);
  }
}
