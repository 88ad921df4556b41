import type pg from 'pg';
import type { SampledRule } from './rule-sample.js';
import { oracle, type WallClock } from './schedule-oracle.js';

export interface LedgerSlot {
  readonly rule_id: string;
  /** Epoch ms. */
  readonly at: number;
  readonly outcome: string;
  readonly lag: number;
  readonly job_id: string | null;
}

export interface Verdict {
  readonly rules: number;
  readonly slots: number;
  readonly jobs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Planned instants that are not in the ledger. */
  readonly missing: number;
  /** Instants in the ledger that nobody planned. */
  readonly invented: number;
  /** Jobs of one slot beyond the first, and jobs of no slot. */
  readonly duplicates: number;
  /** Outcomes that the policies of the rule do not allow. */
  readonly wrong: number;
  readonly details: readonly string[];
}

/** Later than this a slot is missed. */
const GRACE_SECONDS = 60;

/** Holds the ledger of a window against what the oracle says. */
export async function judgeLedger(
  client: pg.Pool | pg.Client,
  rules: readonly SampledRule[],
  clocks: ReadonlyMap<string, WallClock>,
  from: number,
  to: number,
): Promise<Verdict> {
  const { rows } = await client.query<LedgerSlot>(
    `select rule_id, extract(epoch from scheduled_for)::float8 * 1000 as at, outcome, job_id,
            extract(epoch from decided_at - scheduled_for)::float8 as lag
       from schedule_slots order by rule_id, scheduled_for`,
  );
  const { rows: jobs } = await client.query<{ id: string }>(
    `select id from jobs where schedule_id is not null`,
  );
  const ledger = new Map<string, LedgerSlot[]>();
  for (const slot of rows) {
    const slots = ledger.get(slot.rule_id);
    if (slots) slots.push(slot);
    else ledger.set(slot.rule_id, [slot]);
  }
  const tally = { missing: 0, invented: 0, wrong: 0 };
  const outcomes: Record<string, number> = {};
  const details: string[] = [];
  const tell = (kind: keyof typeof tally, rule: SampledRule, what: string): void => {
    tally[kind] += 1;
    if (details.length < 20) details.push(`${kind}: ${what} of ${JSON.stringify(rule)}`);
  };
  for (const rule of rules) {
    const clock = clocks.get(rule.timezone)!;
    const slots = ledger.get(rule.id) ?? [];
    const written = new Map(slots.map((slot) => [slot.at, slot]));
    const planned = oracle(rule, clock, from, to);
    const expected = rule.maxRuns === null ? planned : untilSpent(planned, slots, rule.maxRuns);
    for (const at of expected) if (!written.has(at)) tell('missing', rule, new Date(at).toISOString());
    const known = new Set(expected);
    for (const slot of slots) {
      outcomes[slot.outcome] = (outcomes[slot.outcome] ?? 0) + 1;
      if (!known.has(slot.at)) tell('invented', rule, new Date(slot.at).toISOString());
    }
    for (const problem of problemsOf(rule, clock, slots)) tell('wrong', rule, problem);
  }
  const made = new Set(rows.flatMap(({ job_id }) => job_id ?? []));
  const fired = rows.filter(({ job_id }) => job_id !== null).length;
  const orphans = jobs.filter(({ id }) => !made.has(id)).length;
  return {
    rules: rules.length,
    slots: rows.length,
    jobs: jobs.length,
    outcomes,
    ...tally,
    duplicates: fired - made.size + orphans,
    details,
  };
}

/** A rule ends with the slot that makes its last job. */
function untilSpent(planned: readonly number[], slots: readonly LedgerSlot[], maxRuns: number): number[] {
  const last = slots.filter(({ outcome }) => outcome === 'fired')[maxRuns - 1];
  return planned.filter((at) => last === undefined || at <= last.at);
}

function* problemsOf(rule: SampledRule, clock: WallClock, slots: readonly LedgerSlot[]): Iterable<string> {
  let open = false;
  for (const [index, { at, outcome, lag, job_id }] of slots.entries()) {
    const when = new Date(at).toISOString();
    const isExcluded = rule.exclusions.dates.includes(clock.dayAt(at));
    if ((outcome === 'fired') !== (job_id !== null)) yield `${when} is ${outcome} with the job ${job_id}`;
    if (isExcluded !== (outcome === 'excluded')) yield `${when} is ${outcome} on ${clock.dayAt(at)}`;
    if (outcome === 'skipped_missed') {
      if (rule.missedPolicy === 'run_all') yield `${when} is missed although all run`;
      if (lag <= GRACE_SECONDS) yield `${when} is missed ${lag} s late`;
      if (rule.missedPolicy === 'run_once' && index === slots.length - 1)
        yield `${when}, the latest one, is missed`;
    }
    // No job of the test ever ends.
    if (outcome === 'skipped_overlap' && !(rule.overlapPolicy === 'skip' && open))
      yield `${when} overlaps with nothing`;
    if (outcome === 'fired' && rule.overlapPolicy === 'skip' && open) yield `${when} overlaps`;
    if (outcome === 'fired') open = true;
    if (!['fired', 'skipped_missed', 'skipped_overlap', 'excluded'].includes(outcome))
      yield `${when} is ${outcome}`;
  }
}
