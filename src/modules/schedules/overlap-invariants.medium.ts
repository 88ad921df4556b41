import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scheduling } from '../../../test/harness/scheduling.js';
import { OVERLAP_POLICIES, type OverlapPolicy } from './core/index.js';

let scheduling: Scheduling;
beforeAll(async () => {
  scheduling = await Scheduling.start(2);
});
afterAll(async () => scheduling.stop());

type Step =
  | { readonly kind: 'pass'; readonly minutes: number }
  | { readonly kind: 'tick'; readonly processes: number }
  | { readonly kind: 'begin' | 'run' | 'backfill' | 'pause' | 'resume' | 'look' }
  | { readonly kind: 'end'; readonly status: 'completed' | 'failed' | 'cancelled'; readonly told: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass'), minutes: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('tick'), processes: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('begin', 'begin', 'look') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('end'),
      status: fc.constantFrom('completed', 'failed', 'cancelled'),
      told: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('run', 'backfill', 'pause', 'resume') }) },
);

/** As if so much time had passed for a rule: everything it remembers lies that much further back. */
async function pass(rule: string, minutes: number): Promise<void> {
  // In two steps: the key is checked row by row, and each takes the place of another one.
  for (const shift of [`interval '100 days'`, `make_interval(mins => ${minutes}) - interval '100 days'`])
    await scheduling.sql(
      `update schedule_slots set scheduled_for = scheduled_for - (${shift}) where rule_id = $1`,
      [rule],
    );
  const back = (column: string): string => `${column} = ${column} - make_interval(mins => $2)`;
  await scheduling.sql(`update schedule_slots set ${back('due_at')} where rule_id = $1`, [rule, minutes]);
  const columns = ['anchor_at', 'next_run_at', 'planned_to', 'look_at', 'catch_up_at'].map(back);
  await scheduling.sql(`update schedule_rules set ${columns.join()} where id = $1`, [rule, minutes]);
}

interface State {
  readonly open: number;
  readonly parked: number;
  readonly jobs: number;
  readonly named: number;
  readonly fired: number;
  readonly counted: number;
  readonly run_count: number;
  readonly waits: boolean;
  readonly waiting: number;
}

async function stateOf(rule: string): Promise<State> {
  const [state] = await scheduling.sql<State>(
    `select (select count(*)::int from jobs where schedule_id = r.id and completed_at is null and cancelled_at is null) as open,
            (select count(*)::int from jobs where schedule_id = r.id) as jobs,
            count(*) filter (where outcome = 'waiting' and reason = 'previous_job')::int as parked,
            count(*) filter (where outcome = 'waiting')::int as waiting,
            count(distinct job_id)::int as named, count(*) filter (where outcome = 'fired')::int as fired,
            count(*) filter (where outcome = 'fired' and cause in ('schedule', 'catch_up'))::int as counted,
            r.run_count, r.look_at is not null as waits
       from schedule_rules r left join schedule_slots s on s.rule_id = r.id where r.id = $1 group by r.id`,
    [rule],
  );
  return state!;
}

/** Takes a step; whether it was answered as it may be. */
async function take(rule: string, owner: { id: string; role: 'user' }, one: Step): Promise<boolean> {
  const call = async (action: string, body?: object): Promise<number> =>
    (await scheduling.call('POST', `/schedules/${rule}/${action}`, { as: owner, ...(body && { body }) }))
      .status;
  switch (one.kind) {
    case 'pass':
      await pass(rule, one.minutes);
      return true;
    case 'tick':
      await Promise.all([0, 1].slice(0, one.processes).map((process) => scheduling.tick(process)));
      return true;
    case 'begin':
      await scheduling.runJobs(rule);
      return true;
    case 'look':
      await scheduling.sql(
        `update schedule_rules set look_at = now() where id = $1 and look_at is not null`,
        [rule],
      );
      return true;
    case 'end':
      await (one.told ? scheduling.finishJobs(rule, one.status) : scheduling.endJobs(rule));
      return true;
    case 'run':
      return [202, 409].includes(await call('run'));
    case 'backfill': {
      const [range] = await scheduling.sql<{ from: Date; to: Date }>(
        `select now() - interval '3 minutes' as from, now() as to`,
      );
      return (await call('backfill', range)) === 202;
    }
    default:
      return (await call(one.kind, one.kind === 'pause' ? {} : undefined)) === 200;
  }
}

describe.each(OVERLAP_POLICIES)('%s, whatever happens in whatever order', (overlapPolicy: OverlapPolicy) => {
  it('keeps its promises', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 20, maxLength: 40 }),
        fc.constantFrom(0, 60),
        async (steps, missedSpacingSeconds) => {
          const owner = { id: (await scheduling.person()).id, role: 'user' } as const;
          const rule = await scheduling.rule({
            owner,
            ruleType: 'interval',
            intervalSeconds: 60,
            overlapPolicy,
            missedPolicy: 'run_all',
            missedMax: 5,
            missedSpacingSeconds,
          });
          for (const one of steps) {
            expect([one, await take(rule, owner, one)]).toEqual([one, true]);
            const state = await stateOf(rule);
            // Two jobs are never open at once, one slot at most waits for the one before it.
            expect(state.open).toBeLessThanOrEqual(overlapPolicy === 'allow' ? Infinity : 1);
            expect(state.parked).toBeLessThanOrEqual(1);
            // Every job is of one slot that fired, and every slot that fired has one.
            expect([state.jobs, state.named]).toEqual([state.fired, state.fired]);
            expect(state.run_count).toBe(state.counted);
            // What waits will be looked at.
            expect(state.waits || state.waiting === 0).toBe(true);
          }
          await scheduling.sql('delete from schedule_rules where id = $1', [rule]);
        },
      ),
      { numRuns: 12 },
    );
  });
});
