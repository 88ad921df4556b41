import type { SampledRule } from './rule-sample.js';
import type { Entry } from './simulated-journal.js';

/** A line of the ledger. Times in epoch ms. */
export interface Line {
  readonly outcome: string;
  readonly reason: string | null;
  readonly cause: string;
  readonly due: number | null;
  readonly job: string | null;
  /** Between which times it was decided; null while it waits. */
  readonly decided: readonly [from: number, to: number] | null;
}

/** A slot whose turn has come, by its instant. */
interface Candidate {
  readonly at: number;
  readonly line: Pick<Line, 'cause' | 'due'>;
}

interface OpenJob {
  readonly runs: boolean;
  readonly asked: boolean;
}

/** Later than this an instant is missed. */
const GRACE = 60_000;
/** As many lines of one rule as a transaction writes, and as many waiting ones as it looks at. */
const MOST = 200;

/**
 * The ledger of one rule, computed from the words of the contract (src/modules/schedules/README.md and ADR 30). What
 * nobody can compute is taken from the journal: when a scheduler came to look at the rule, and when its jobs began and
 * ended. All the rest follows: which instants are written, which of them fire at once, wait and for what, are skipped
 * and why, which jobs are cancelled or asked to stop, and where the cursor stands. It shares nothing with the planner.
 *
 * What the journal says otherwise is answered as problems; `lines` is then what the journal says, so that one mistake
 * is not told again and again.
 */
export class LedgerReplay {
  readonly lines = new Map<number, Line>();
  readonly problems: string[] = [];
  private readonly open = new Map<string, OpenJob>();
  private next = 0;
  private runs = 0;
  private caughtUpTo = -Infinity;

  constructor(
    private readonly rule: SampledRule,
    /** All its instants, in order. */
    private readonly planned: readonly number[],
    private readonly isExcluded: (at: number) => boolean,
  ) {}

  /** Instants that have to be in the ledger when every scheduler has done its work. */
  get expected(): readonly number[] {
    return this.left > 0 ? this.planned : this.planned.slice(0, this.next);
  }

  run(entries: readonly Entry[]): void {
    const byTransaction = grouped(entries, ({ tx }) => tx);
    for (const [, group] of byTransaction) {
      const tick = group.findLast(({ kind }) => kind === 'tick' || kind === 'cursor');
      // One that moves the cursor alone, as planning anew does: it must not pass what is not in the ledger yet.
      if (tick?.kind === 'cursor' && group.length === 1) this.checkCursor(tick);
      else if (tick) this.tick(tick, group);
      else this.work(group);
      const open = this.open.size;
      if (this.rule.overlapPolicy !== 'allow' && open > 1) this.tell(group[0]!, `${open} jobs are open`);
      const parked = [...this.lines.values()].filter(isParked).length;
      if (parked > 1) this.tell(group[0]!, `${parked} slots wait for a job`);
    }
  }

  private get left(): number {
    return (this.rule.maxRuns ?? Infinity) - this.runs;
  }

  /** Jobs begin and end by themselves. */
  private work(group: readonly Entry[]): void {
    for (const entry of group)
      if (entry.kind === 'slot') this.tell(entry, `${iso(entry.instant)} was written by nobody`);
      else if (!this.open.has(entry.job!)) this.tell(entry, `the job ${entry.job} is of no slot`);
      else this.keep(entry);
  }

  private keep({ job, status, asked }: Entry): void {
    if (['completed', 'failed', 'cancelled'].includes(status!)) this.open.delete(job!);
    else this.open.set(job!, { runs: status === 'running', asked: asked === true });
  }

  private tick(tick: Entry, group: readonly Entry[]): void {
    const now = tick.began;
    const until: readonly [number, number] = [now, tick.at];
    const expected = new Map<number, Omit<Line, 'job'>>();
    const ready = this.ready(now);
    const fresh = this.plan(now, until, expected);
    const stopped = this.decide([...ready, ...fresh], until, expected);

    const written = new Map(
      group.flatMap((entry) => (entry.kind === 'slot' ? [[entry.instant!, entry]] : [])),
    );
    for (const [at, line] of expected) {
      const found = written.get(at);
      if (!found) this.tell(tick, `${iso(at)} is not written, but is ${words(line)}`);
      else if (words(line) !== words(found))
        this.tell(tick, `${iso(at)} is ${words(found)}, not ${words(line)}`);
      if (found) this.write(found, until);
    }
    for (const [at, entry] of written) {
      if (expected.has(at)) continue;
      const before = this.lines.get(at);
      if (!before || words(before) !== words(entry)) this.tell(tick, `${iso(at)} becomes ${words(entry)}`);
      this.write(entry, until);
    }
    this.checkJobs(tick, group, stopped);
    this.checkCursor(tick);
  }

  private write(entry: Entry, decided: readonly [number, number]): void {
    const { outcome, reason, cause, due, job } = entry;
    const before = this.lines.get(entry.instant!);
    const line = { outcome: outcome!, reason, cause: cause!, due, job };
    this.lines.set(entry.instant!, { ...line, decided: outcome === 'waiting' ? null : decided });
    if (outcome === 'fired' && before?.outcome !== 'fired') this.runs += 1;
  }

  /** What has waited and may fire now: what waits for a job first, then what keeps its distance. */
  private ready(now: number): Candidate[] {
    const waiting = [...this.lines].filter(([, { outcome }]) => outcome === 'waiting');
    const parked = waiting.filter(([, line]) => isParked(line));
    const spaced = waiting.filter(([, line]) => !isParked(line) && line.due! <= now);
    return [...parked, ...spaced.toSorted(([a], [b]) => a - b)]
      .slice(0, MOST)
      .map(([at, line]) => ({ at, line }));
  }

  /** Writes down what has come since the last look; answers what fires now if the overlap policy lets it. */
  private plan(
    now: number,
    decided: readonly [number, number],
    expected: Map<number, Omit<Line, 'job'>>,
  ): Candidate[] {
    if (this.left <= 0) return [];
    const { missedPolicy, missedMax, missedSpacingSeconds } = this.rule;
    const come: number[] = [];
    for (let index = this.next; (this.planned[index] ?? Infinity) <= now; index += 1)
      come.push(this.planned[index]!);
    const missed = come.filter((at) => at < now - GRACE && !this.isExcluded(at));
    const most = { skip: 0, run_once: 1, run_all: missedMax }[missedPolicy];
    const caughtUp = new Set(missed.toReversed().slice(0, most));
    const spacing = missedPolicy === 'run_all' ? missedSpacingSeconds * 1000 : 0;
    const fresh: Candidate[] = [];
    let wanted = 0;
    for (const at of come.slice(0, MOST)) {
      // The plan ends where every run that is left would be used.
      if (wanted >= this.left) break;
      this.next += 1;
      const without = (outcome: string): void => {
        expected.set(at, { outcome, reason: null, cause: 'schedule', due: null, decided });
      };
      if (this.isExcluded(at)) {
        without('excluded');
        continue;
      }
      if (at < now - GRACE && !caughtUp.has(at)) {
        without('skipped_missed');
        continue;
      }
      wanted += 1;
      if (!caughtUp.has(at)) {
        fresh.push({ at, line: { cause: 'schedule', due: null } });
        continue;
      }
      if (spacing > 0) this.caughtUpTo = Math.max(now, this.caughtUpTo + spacing);
      const due = spacing > 0 && this.caughtUpTo > now ? this.caughtUpTo : null;
      if (due === null) fresh.push({ at, line: { cause: 'catch_up', due } });
      else expected.set(at, { outcome: 'waiting', reason: 'spacing', cause: 'catch_up', due, decided: null });
    }
    return fresh;
  }

  /** By the overlap policy; answers the jobs that are to stop. */
  private decide(
    candidates: readonly Candidate[],
    decided: readonly [number, number],
    expected: Map<number, Omit<Line, 'job'>>,
  ): ReadonlyMap<string, 'cancelled' | 'asked'> {
    const { overlapPolicy } = this.rule;
    const stopped = new Map<string, 'cancelled' | 'asked'>();
    let left = this.left;
    let isBusy = overlapPolicy !== 'allow' && this.open.size > 0;
    let isTaken = false;
    const become = ({ at, line }: Candidate, outcome: string, reason: string | null = null): void => {
      expected.set(at, { ...line, outcome, reason, decided: outcome === 'waiting' ? null : decided });
    };
    const fire = (one: Candidate): void => {
      become(one, 'fired');
      left -= 1;
      if (overlapPolicy !== 'allow') isBusy = true;
    };
    // Where the previous one is cancelled, only the newest counts, and nothing is cancelled for one that may not run.
    if (overlapPolicy === 'cancel_previous' && left > 0) {
      const newest = candidates.at(-1);
      if (!newest) return stopped;
      for (const [job, { runs, asked }] of this.open)
        if (!runs) stopped.set(job, 'cancelled');
        else if (!asked) stopped.set(job, 'asked');
      for (const one of candidates.slice(0, -1)) become(one, 'skipped_overlap', 'superseded');
      if ([...this.open.values()].some(({ runs }) => runs)) become(newest, 'waiting', 'previous_job');
      else fire(newest);
      return stopped;
    }
    for (const one of candidates)
      if (left <= 0) become(one, 'skipped_overlap', 'max_runs');
      else if (!isBusy) fire(one);
      else if (overlapPolicy === 'queue_one' && !isTaken) {
        become(one, 'waiting', 'previous_job');
        isTaken = true;
      } else become(one, 'skipped_overlap');
    return stopped;
  }

  /** One job for each slot that fires, and of the others those stop that have to. */
  private checkJobs(
    tick: Entry,
    group: readonly Entry[],
    stopped: ReadonlyMap<string, 'cancelled' | 'asked'>,
  ): void {
    const named = new Set(
      group.flatMap(({ kind, outcome, job }) => (kind === 'slot' && outcome === 'fired' ? (job ?? []) : [])),
    );
    const made = new Set<string | null>();
    const moved = new Map<string | null, string>();
    for (const entry of group) {
      if (entry.kind !== 'job') continue;
      if (this.open.has(entry.job!))
        moved.set(entry.job, entry.status === 'cancelled' ? 'cancelled' : 'asked');
      else made.add(entry.job);
    }
    for (const entry of group) if (entry.kind === 'job') this.keep(entry);
    if (made.size !== named.size || [...made].some((job) => !named.has(job!)))
      this.tell(tick, `${made.size} jobs are made, ${named.size} are named`);
    for (const [job, how] of stopped)
      if (moved.get(job) !== how) this.tell(tick, `the job ${job} is not ${how}`);
    for (const job of moved.keys()) if (!stopped.has(job!)) this.tell(tick, `the job ${job} is stopped`);
  }

  /** It stands where the ledger ends, and whoever waits is looked at again in time. */
  private checkCursor(tick: Entry): void {
    const next = this.left > 0 ? (this.planned[this.next] ?? null) : null;
    const last = this.planned.at(-1) ?? -Infinity;
    const isPast = tick.cursor === null || tick.cursor > last;
    if (next === null ? !isPast || (this.left <= 0 && tick.cursor !== null) : tick.cursor !== next)
      this.tell(tick, `the cursor is ${iso(tick.cursor)}, not ${iso(next)}`);
    const waiting = [...this.lines.values()].filter(({ outcome }) => outcome === 'waiting');
    if (tick.kind === 'cursor') return;
    if (waiting.length === 0 && tick.look !== null) this.tell(tick, 'nothing waits, but it is looked at');
    if (waiting.length === 0) return;
    const patience = this.rule.overlapPolicy === 'cancel_previous' ? 2_000 : 10_000;
    const first = Math.min(...waiting.map((line) => (isParked(line) ? tick.began + patience : line.due!)));
    if (tick.look === null || tick.look > first)
      this.tell(tick, `what waits is looked at ${iso(tick.look)}, not ${iso(first)}`);
  }

  private tell({ at }: Entry, what: string): void {
    this.problems.push(`at ${iso(at)} ${what}`);
  }
}

const isParked = ({ outcome, reason }: Pick<Line, 'outcome' | 'reason'>): boolean =>
  outcome === 'waiting' && reason === 'previous_job';

/** What is compared of a line: all but its job, which nobody can foretell. */
function words({
  outcome,
  reason,
  cause,
  due,
}: Record<'outcome' | 'reason' | 'cause', string | null> & { due: number | null }): string {
  return [outcome, reason, cause, due === null ? null : `due ${iso(due)}`]
    .filter((word) => word !== null)
    .join(' ');
}

export function grouped<T>(all: readonly T[], key: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(key(one));
    if (group) group.push(one);
    else groups.set(key(one), [one]);
  }
  return groups;
}

export const iso = (at: number | null): string => (at === null ? 'never' : new Date(at).toISOString());
