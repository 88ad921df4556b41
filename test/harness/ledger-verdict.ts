import type pg from 'pg';
import { LedgerReplay, grouped, iso, type Line } from './ledger-replay.js';
import type { SampledRule } from './rule-sample.js';
import { oracle, type WallClock } from './schedule-oracle.js';
import { readJournal } from './simulated-journal.js';

interface LedgerSlot {
  readonly rule_id: string;
  /** Epoch ms. */
  readonly at: number;
  readonly outcome: string;
  readonly reason: string | null;
  readonly cause: string;
  readonly due: number | null;
  readonly decided: number | null;
  readonly job_id: string | null;
}

export interface Verdict {
  readonly rules: number;
  readonly slots: number;
  readonly jobs: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** Slots that have waited, and jobs that were stopped for another one. */
  readonly waited: number;
  readonly stopped: number;
  /** Planned instants that are not in the ledger. */
  readonly missing: number;
  /** Instants in the ledger that nobody planned. */
  readonly invented: number;
  /** Jobs of one slot beyond the first, and jobs of no slot. */
  readonly duplicates: number;
  /** Whatever the policies of the rule say otherwise. */
  readonly wrong: number;
  readonly details: readonly string[];
}

/** Rules whose journal is read at once. */
const AT_ONCE = 500;

/** Holds the ledger of a window, and how it came to be, against what the oracle says. */
export async function judgeLedger(
  client: pg.Pool | pg.Client,
  rules: readonly SampledRule[],
  clocks: ReadonlyMap<string, WallClock>,
  from: number,
  to: number,
): Promise<Verdict> {
  await client.query('create index if not exists journal_rule on simulated.journal (rule, number)');
  const ms = (column: string): string => `extract(epoch from ${column})::float8 * 1000`;
  const { rows } = await client.query<LedgerSlot>(
    `select rule_id, ${ms('scheduled_for')} as at, outcome, reason, cause, ${ms('due_at')} as due,
            ${ms('decided_at')} as decided, job_id
       from schedule_slots order by rule_id, scheduled_for`,
  );
  const { rows: jobs } = await client.query<{ id: string }>(
    `select id from jobs where schedule_id is not null`,
  );
  const ledger = grouped(rows, ({ rule_id }) => rule_id);
  const tally = { missing: 0, invented: 0, wrong: 0, waited: 0, stopped: 0 };
  const outcomes: Record<string, number> = {};
  const details: string[] = [];
  const tell = (kind: 'missing' | 'invented' | 'wrong', rule: SampledRule, what: string): void => {
    tally[kind] += 1;
    if (details.length < 20) details.push(`${kind}: ${what} of ${JSON.stringify(rule)}`);
  };
  for (let first = 0; first < rules.length; first += AT_ONCE) {
    const some = rules.slice(first, first + AT_ONCE);
    const journal = await readJournal(
      client,
      some.map(({ id }) => id),
    );
    for (const rule of some) {
      const clock = clocks.get(rule.timezone)!;
      const isExcluded = (at: number): boolean => rule.exclusions.dates.includes(clock.dayAt(at));
      const replay = new LedgerReplay(rule, oracle(rule, clock, from, to), isExcluded);
      const entries = journal.get(rule.id) ?? [];
      replay.run(entries);
      const waited = entries.filter(({ kind, outcome }) => kind === 'slot' && outcome === 'waiting');
      tally.waited += new Set(waited.map(({ instant }) => instant)).size;
      const stopped = entries.filter(
        ({ kind, asked, status }) => kind === 'job' && (asked || status === 'cancelled'),
      );
      tally.stopped += new Set(stopped.map(({ job }) => job)).size;
      for (const problem of replay.problems) tell('wrong', rule, problem);
      const slots = new Map((ledger.get(rule.id) ?? []).map((slot) => [slot.at, slot]));
      const expected = new Set(replay.expected);
      for (const at of expected) if (!slots.has(at)) tell('missing', rule, iso(at));
      for (const [at, slot] of slots) {
        outcomes[slot.outcome] = (outcomes[slot.outcome] ?? 0) + 1;
        if (!expected.has(at)) tell('invented', rule, iso(at));
        else if (!isSame(slot, replay.lines.get(at)))
          tell('wrong', rule, `${iso(at)} is not as it was written`);
      }
    }
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

function isSame(slot: LedgerSlot, line: Line | undefined): boolean {
  if (!line) return false;
  const { outcome, reason, cause, due, decided } = slot;
  if (outcome !== line.outcome || reason !== line.reason || cause !== line.cause || due !== line.due)
    return false;
  if ((outcome === 'fired') !== (slot.job_id !== null) || slot.job_id !== line.job) return false;
  if (line.decided === null || decided === null) return line.decided === decided;
  return line.decided[0] <= decided && decided <= line.decided[1];
}
