import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { databaseNow, Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { JobStatus } from '../engine/job-status.js';
import { jobsPolicy } from '../jobs.policy.js';
import { Histogram, quantileOf } from './histogram.js';
import { JobMinutesRepository, type OutcomeCount, type TimesOfType } from './job-minutes.repository.js';
import { JobStatsRepository, type JobsOfKind, type OpenCount } from './job-stats.repository.js';
import type { JobStatsQuery, JobStatsView, StatusCounts, TimesView } from './job-stats.schema.js';

const DAY_MS = 86_400_000;
/** What is counted from the rows of one person: more of them would take longer than anybody should wait. */
const COUNTED = 10_000;
/** Of everybody, what is open. */
const COUNTED_OPEN = 10_000;

const NONE: StatusCounts = { pending: 0, queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };

interface Period {
  readonly from: Date;
  readonly to: Date;
}

/**
 * Statistics of jobs. One person's are counted from the rows. Everybody's are from the minute counters: jobs that ended
 * in whole minutes, further back in whole hours, of the period. Medians and the like are estimated from buckets.
 */
@Injectable()
export class JobStatsService {
  constructor(
    private readonly database: Database,
    private readonly stats: JobStatsRepository,
    private readonly minutes: JobMinutesRepository,
  ) {}

  async of(actor: UserActor, query: JobStatsQuery): Promise<JobStatsView> {
    const { userId, all } = query;
    if ((userId !== undefined || all !== undefined) && !jobsPolicy.listOthers(actor))
      throw UserError.forbidden('Only admins may see the statistics of others.');
    const period = await this.periodOf(actor, query);
    return all === 'true'
      ? this.ofEverybody(actor, period)
      : this.ofUser(actor, userId ?? actor.userId, period);
  }

  private async periodOf(actor: UserActor, query: JobStatsQuery): Promise<Period> {
    const to = query.to ?? (await databaseNow(this.database.as(actor).read));
    const from = query.from ?? new Date(Math.max(0, to.getTime() - DAY_MS));
    if (from >= to) throw UserError.field('/from', 'not_before', 'must be before `to`');
    return { from, to };
  }

  private async ofUser(actor: UserActor, userId: string, { from, to }: Period): Promise<JobStatsView> {
    const kinds = await this.stats.ofUser(this.database.as(actor).read, userId, from, to, COUNTED);
    const complete = sum(kinds.map(({ jobs }) => jobs)) < COUNTED;
    const oldest = Math.min(...kinds.map((kind) => kind.oldest.getTime()));
    const since = complete ? from : new Date(oldest);
    const byStatus = statusesOf(kinds);
    return {
      from: since.toISOString(),
      to: to.toISOString(),
      counts: 'made',
      complete,
      byStatus,
      byType: [...new Set(kinds.map(({ type }) => type))].toSorted().map((type) => {
        const ofType = kinds.filter((kind) => kind.type === type);
        return { type, byStatus: statusesOf(ofType), waiting: waits(ofType), running: runs(ofType) };
      }),
      repeatedAttempts: sum(kinds.map(({ retries }) => retries)),
      finishedPerMinute: perMinute(byStatus, { from: since, to }),
      waiting: waits(kinds),
      running: runs(kinds),
      failures: failuresOf(kinds.map(({ status, ...kind }) => ({ ...kind, outcome: status }))),
    };
  }

  private async ofEverybody(actor: UserActor, { from, to }: Period): Promise<JobStatsView> {
    const scope = this.database.as(actor);
    const { read } = scope;
    const [outcomes, times, open] = await Promise.all([
      this.minutes.outcomes(read, from, to),
      this.minutes.times(read, from, to),
      scope.tx((tx) => this.stats.open(tx, COUNTED_OPEN + 1)),
    ]);
    const types = [...new Set([...outcomes, ...open].map(({ type }) => type))].toSorted();
    const byStatus = countsOf(outcomes, open);
    return {
      from: from.toISOString(),
      to: to.toISOString(),
      counts: 'ended',
      complete: sum(open.map(({ jobs }) => jobs)) <= COUNTED_OPEN,
      byStatus,
      byType: types.map((type) => ({
        type,
        byStatus: countsOf(
          outcomes.filter((one) => one.type === type),
          open.filter((one) => one.type === type),
        ),
        waiting: timesOf(times, 'waited', type),
        running: timesOf(times, 'ran', type),
      })),
      repeatedAttempts: sum(outcomes.filter(({ outcome }) => outcome === 'again').map(({ jobs }) => jobs)),
      finishedPerMinute: perMinute(byStatus, { from, to }),
      waiting: timesOf(times, 'waited'),
      running: timesOf(times, 'ran'),
      failures: failuresOf(outcomes),
    };
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

function statusesOf(kinds: readonly JobsOfKind[]): StatusCounts {
  const counts = { ...NONE };
  for (const { status, jobs } of kinds) counts[status] += jobs;
  return counts;
}

function waits(kinds: readonly JobsOfKind[]): TimesView {
  const times = new Histogram();
  for (const { jobs, waitedBucket, waitedMs, waitedMaxMs } of kinds)
    times.addMany(jobs, waitedBucket, waitedMs, waitedMaxMs);
  return toTimesView(times);
}

function runs(kinds: readonly JobsOfKind[]): TimesView {
  const times = new Histogram();
  for (const { jobs, ranBucket, ranMs, ranMaxMs } of kinds) times.addMany(jobs, ranBucket, ranMs, ranMaxMs);
  return toTimesView(times);
}

function countsOf(outcomes: readonly OutcomeCount[], open: readonly OpenCount[]): StatusCounts {
  const counts = { ...NONE };
  for (const { outcome, jobs } of outcomes) if (outcome !== 'again') counts[outcome as JobStatus] += jobs;
  for (const { status, jobs } of open) counts[status] += jobs;
  return counts;
}

function failuresOf(
  outcomes: readonly Pick<OutcomeCount, 'outcome' | 'errorCode' | 'jobs'>[],
): { code: string; jobs: number }[] {
  const byCode = new Map<string, number>();
  for (const { outcome, errorCode, jobs } of outcomes)
    if (outcome === 'failed') byCode.set(errorCode, (byCode.get(errorCode) ?? 0) + jobs);
  return [...byCode]
    .map(([code, jobs]) => ({ code, jobs }))
    .toSorted((a, b) => b.jobs - a.jobs || a.code.localeCompare(b.code));
}

function timesOf(rows: readonly TimesOfType[], kind: TimesOfType['kind'], type?: string): TimesView {
  const whole = new Histogram();
  for (const row of rows) if (row.kind === kind && (type === undefined || row.type === type)) whole.join(row);
  return toTimesView(whole);
}

function toTimesView(times: Histogram): TimesView {
  const { count, sum: all, max } = times;
  return {
    jobs: count,
    meanMs: count === 0 ? null : all / count,
    p50Ms: quantileOf(times, 0.5),
    p95Ms: quantileOf(times, 0.95),
    maxMs: count === 0 ? null : max,
  };
}

function perMinute({ completed, failed, cancelled }: StatusCounts, { from, to }: Period): number {
  return (completed + failed + cancelled) / ((to.getTime() - from.getTime()) / 60_000);
}
