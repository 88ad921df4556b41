import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { JobStatus } from '../engine/job-status.js';
import { jobsPolicy } from '../jobs.policy.js';
import { Histogram, quantileOf, type Times } from './histogram.js';
import { JobMinutesRepository, type OutcomeCount, type TimesOfType } from './job-minutes.repository.js';
import { JobStatsRepository, type OpenCount, type StatsGroup } from './job-stats.repository.js';
import type { JobStatsQuery, JobStatsView, StatusCounts, TimesView } from './job-stats.schema.js';

const DAY_MS = 86_400_000;
/** What is counted from the rows of one person: more of them would take longer than anybody should wait. */
const COUNTED = 20_000;
/** Of everybody, what is open. */
const COUNTED_OPEN = 10_000;

const NONE: StatusCounts = { pending: 0, queued: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
const NO_TIMES: TimesView = { jobs: 0, meanMs: null, p50Ms: null, p95Ms: null, maxMs: null };

interface Period {
  readonly from: Date;
  readonly to: Date;
}

/**
 * Statistics of jobs. One person's are exact, from the rows. Everybody's are from the minute counters, whose jobs and
 * times are those that ended in whole minutes of the period; how long something took is then estimated from buckets.
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
    const to = query.to ?? (await this.stats.now(this.database.as(actor).read));
    const from = query.from ?? new Date(Math.max(0, to.getTime() - DAY_MS));
    if (from >= to) throw UserError.field('/from', 'not_before', 'must be before `to`');
    return { from, to };
  }

  private async ofUser(actor: UserActor, userId: string, { from, to }: Period): Promise<JobStatsView> {
    const { read } = this.database.as(actor);
    const { groups, failures, oldest } = await this.stats.ofUser(read, userId, from, to, COUNTED);
    const whole = groups.find(({ type }) => type === null);
    const complete = (whole?.jobs ?? 0) < COUNTED;
    const since = complete || oldest === null ? from : oldest;
    const byStatus = whole ? statusesOf(whole) : NONE;
    return {
      from: since.toISOString(),
      to: to.toISOString(),
      counts: 'made',
      complete,
      byStatus,
      byType: groups
        .flatMap((group) => (group.type === null ? [] : [{ ...group, type: group.type }]))
        .toSorted((a, b) => a.type.localeCompare(b.type))
        .map((group) => ({
          type: group.type,
          byStatus: statusesOf(group),
          waiting: group.waits,
          running: group.runs,
        })),
      repeatedAttempts: whole?.retries ?? 0,
      finishedPerMinute: perMinute(byStatus, { from: since, to }),
      waiting: whole?.waits ?? NO_TIMES,
      running: whole?.runs ?? NO_TIMES,
      failures,
    };
  }

  private async ofEverybody(actor: UserActor, { from, to }: Period): Promise<JobStatsView> {
    const { read } = this.database.as(actor);
    const [outcomes, times, open] = await Promise.all([
      this.minutes.outcomes(read, from, to),
      this.minutes.times(read, from, to),
      this.stats.open(read, COUNTED_OPEN + 1),
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

function statusesOf({ pending, queued, running, completed, failed, cancelled }: StatsGroup): StatusCounts {
  return { pending, queued, running, completed, failed, cancelled };
}

function countsOf(outcomes: readonly OutcomeCount[], open: readonly OpenCount[]): StatusCounts {
  const counts = { ...NONE };
  for (const { outcome, jobs } of outcomes) if (outcome !== 'again') counts[outcome as JobStatus] += jobs;
  for (const { status, jobs } of open) counts[status] += jobs;
  return counts;
}

function failuresOf(outcomes: readonly OutcomeCount[]): { code: string; jobs: number }[] {
  const byCode = new Map<string, number>();
  for (const { outcome, errorCode, jobs } of outcomes)
    if (outcome === 'failed') byCode.set(errorCode, (byCode.get(errorCode) ?? 0) + jobs);
  return [...byCode]
    .map(([code, jobs]) => ({ code, jobs }))
    .toSorted((a, b) => b.jobs - a.jobs || a.code.localeCompare(b.code));
}

function timesOf(rows: readonly TimesOfType[], kind: TimesOfType['kind'], type?: string): TimesView {
  const whole: Times = rows
    .filter((row) => row.kind === kind && (type === undefined || row.type === type))
    .reduce((all, row) => all.join(row), new Histogram());
  return {
    jobs: whole.count,
    meanMs: whole.count === 0 ? null : whole.sum / whole.count,
    p50Ms: quantileOf(whole, 0.5),
    p95Ms: quantileOf(whole, 0.95),
    maxMs: whole.count === 0 ? null : whole.max,
  };
}

function perMinute({ completed, failed, cancelled }: StatusCounts, { from, to }: Period): number {
  return (completed + failed + cancelled) / ((to.getTime() - from.getTime()) / 60_000);
}
