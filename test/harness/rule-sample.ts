import { newId } from '../../src/kernel/database/index.js';
import type { Random } from '../faults/random.js';
import type { OracleRule } from './schedule-oracle.js';

/** A rule made up by chance, as the oracle and as the table take it. */
export interface SampledRule extends OracleRule {
  readonly overlapPolicy: 'allow' | 'skip' | 'queue_one' | 'cancel_previous';
  readonly missedPolicy: 'skip' | 'run_once' | 'run_all';
  readonly missedMax: number;
  readonly missedSpacingSeconds: number;
  readonly maxRuns: number | null;
  readonly exclusions: { readonly dates: readonly string[]; readonly weekdays: readonly string[] };
}

/** Windows of a day in which the clocks of twelve zones change. */
export const CHANGES = {
  gap: {
    from: Date.UTC(2026, 2, 28, 12),
    zones: [
      'Europe/London',
      'Europe/Lisbon',
      'Europe/Madrid',
      'Europe/Berlin',
      'Europe/Athens',
      'Europe/Helsinki',
      'Europe/Kyiv',
      'Europe/Chisinau',
      'Asia/Beirut',
      'Atlantic/Azores',
      'America/Nuuk',
      'Antarctica/Troll',
    ],
  },
  overlap: {
    from: Date.UTC(2026, 3, 4, 12),
    zones: [
      'Australia/Sydney',
      'Australia/Melbourne',
      'Australia/Hobart',
      'Australia/Adelaide',
      'Australia/Lord_Howe',
      'Antarctica/Macquarie',
      'Pacific/Norfolk',
      'Pacific/Auckland',
      'Pacific/Chatham',
      'Pacific/Easter',
      'America/Santiago',
      'Antarctica/McMurdo',
    ],
  },
} as const;

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

export function sampleRule(random: Random, zones: readonly string[], from: number): SampledRule {
  const chance = (percent: number): boolean => random.below(100) < percent;
  const common = {
    id: newId(),
    timezone: random.of(zones),
    dstPolicy: {
      gap: random.of(['run_after', 'skip'] as const),
      overlap: random.of(['first', 'last', 'both'] as const),
    },
    overlapPolicy: chance(50)
      ? ('allow' as const)
      : random.of(['skip', 'queue_one', 'queue_one', 'cancel_previous', 'cancel_previous'] as const),
    missedPolicy: random.of(['skip', 'run_once', 'run_all', 'run_all'] as const),
    missedMax: chance(50) ? 1000 : random.between(1, 8),
    missedSpacingSeconds: chance(40) ? random.of([1, 60, 90, 600, random.between(1, 7_200)]) : 0,
    jitterSeconds: chance(30) ? random.of([1, 59, 900, 86_400, random.between(1, 7_200)]) : 0,
    maxRuns: chance(12) ? random.between(1, 6) : null,
    startsAt: chance(8) ? from + random.below(12 * 60) * MINUTE : undefined,
    endsAt: chance(8) ? from + (12 * 60 + random.below(12 * 60)) * MINUTE : undefined,
    exclusions: {
      dates: chance(8) ? [new Date(from + random.below(2) * DAY).toISOString().slice(0, 10)] : [],
      weekdays: [],
    },
  };
  const kind = random.below(100);
  if (kind < 70) return { ...common, ruleType: 'cron', cronExpression: expression(random) };
  if (kind < 95) {
    const anchorAt = from - random.below(DAY / 1000) * 1000;
    return { ...common, ruleType: 'interval', intervalSeconds: random.between(600, 40_000), anchorAt };
  }
  const runAt = from + random.below(DAY / 1000) * 1000;
  return { ...common, ruleType: 'once', runAt, startsAt: undefined, endsAt: undefined };
}

/** Mostly such that run in the hours of a change. */
function expression(random: Random): string {
  const number = (most: number): string => String(random.below(most));
  const few = (most: number): string =>
    Array.from({ length: random.between(1, 3) }, () => number(most)).join(',');
  const range = (most: number): string => {
    const low = random.below(most - 1);
    return `${low}-${random.between(low + 1, most - 1)}`;
  };
  const minute = random.of([
    () => few(60),
    () => few(60),
    () => `*/${random.of([15, 20, 30])}`,
    () => `${range(60)}/${random.between(15, 30)}`,
  ])();
  const hour = random.of([
    () => number(4),
    () => few(6),
    () => few(24),
    () => '0-5',
    () => '*',
    () => `*/${random.of([2, 3, 5])}`,
  ])();
  const day = random.of(['*', '*', '*', '*', '*', '28,29', '4-5']);
  const weekday = random.of(['*', '*', '*', '*', '0', '6,7', '1-5']);
  return `${minute} ${hour} ${day} ${random.of(['*', '*', '3-4', '*/3,4'])} ${weekday}`;
}

/** The columns of `schedule_rules` and their values, one array for each: to be unnested. Nothing is planned before `from`. */
export function insertRules(
  rules: readonly SampledRule[],
  owners: readonly string[],
  jobTemplate: object,
  from: number,
): { text: string; values: unknown[] } {
  const date = (at: number | undefined): Date | null => (at === undefined ? null : new Date(at));
  return {
    text: `
      insert into schedule_rules (id, user_id, name, rule_type, cron_expression, interval_seconds, run_at, timezone, dst_policy,
                                  overlap_policy, missed_policy, max_runs, exclusions, starts_at, ends_at, anchor_at,
                                  missed_max, missed_spacing_seconds, jitter_seconds, job_template, next_run_at, planned_to)
      select n.*, $20::jsonb, $21::timestamptz, $21::timestamptz - interval '1 ms'
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::integer[], $7::timestamptz[], $8::text[], $9::jsonb[],
                    $10::text[], $11::text[], $12::integer[], $13::jsonb[], $14::timestamptz[], $15::timestamptz[], $16::timestamptz[],
                    $17::integer[], $18::integer[], $19::integer[])
             as n (id, user_id, name, rule_type, cron_expression, interval_seconds, run_at, timezone, dst_policy,
                   overlap_policy, missed_policy, max_runs, exclusions, starts_at, ends_at, anchor_at,
                   missed_max, missed_spacing_seconds, jitter_seconds)`,
    values: [
      rules.map(({ id }) => id),
      rules.map((_, index) => owners[index % owners.length]),
      rules.map(() => 'sampled'),
      rules.map(({ ruleType }) => ruleType),
      rules.map(({ cronExpression }) => cronExpression ?? null),
      rules.map(({ intervalSeconds }) => intervalSeconds ?? null),
      rules.map(({ runAt }) => date(runAt)),
      rules.map(({ timezone }) => timezone),
      rules.map(({ dstPolicy }) => JSON.stringify(dstPolicy)),
      rules.map(({ overlapPolicy }) => overlapPolicy),
      rules.map(({ missedPolicy }) => missedPolicy),
      rules.map(({ maxRuns }) => maxRuns),
      rules.map(({ exclusions }) => JSON.stringify(exclusions)),
      rules.map(({ startsAt }) => date(startsAt)),
      rules.map(({ endsAt }) => date(endsAt)),
      rules.map(({ anchorAt }) => new Date(anchorAt ?? from)),
      rules.map(({ missedMax }) => missedMax),
      rules.map(({ missedSpacingSeconds }) => missedSpacingSeconds),
      rules.map(({ jitterSeconds }) => jitterSeconds),
      JSON.stringify(jobTemplate),
      new Date(from),
    ],
  };
}
