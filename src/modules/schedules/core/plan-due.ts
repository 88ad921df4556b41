import { isExcluded, nextRunAfter } from './excluded-instants.js';
import { nextAfter } from './planned-instants.js';
import type { TimingRule } from './timing-rule.js';

export interface RuleCursor {
  /** Everything planned before this instant is in the ledger, nothing from it on is. */
  readonly nextRunAt: number;
  /** How many slots have fired. */
  readonly runCount: number;
  readonly maxRuns: number | null;
}

export interface MissedRunPolicy {
  /** What happens to instants that passed unplanned: none, the latest one, or the latest `missedMax` fire. */
  readonly missed: 'skip' | 'run_once' | 'run_all';
  /** For `run_all`, 0..1000. */
  readonly missedMax: number;
  /** An instant is missed when it is planned more than this much later than it should have been. */
  readonly graceSeconds: number;
}

export interface PlannedSlot {
  readonly scheduledFor: number;
  /** `catch_up`: it was missed, and runs all the same; `exclude`: the rule leaves its day out. */
  readonly action: 'fire' | 'catch_up' | 'skip_missed' | 'exclude';
}

export interface DuePlan {
  /** In time order, to be written in one transaction with the new cursor. */
  readonly slots: readonly PlannedSlot[];
  /** The new cursor; at or before `now` when the limit cut the plan short; null when the rule has ended. */
  readonly nextRunAt: number | null;
  readonly exhausted: boolean;
}

export const MAX_MISSED = 1_000;

/**
 * Plan every instant in [cursor.nextRunAt, now], each exactly once and in order, at most `limit` per call; the
 * returned cursor continues without a hole. The plan does not depend on how calls are cut: which missed instants
 * fire is decided by how many missed ones follow, so the latest ones fire whatever the limit. Excluded instants are
 * among the slots and count for nothing else. A clock that moved back plans nothing. A cursor that is not itself a
 * planned instant (the rule or the tz data changed) moves to the next one that is. Throws RangeError for numbers that
 * make no sense.
 */
export function planDue(
  rule: TimingRule,
  cursor: RuleCursor,
  now: number,
  policy: MissedRunPolicy,
  limit: number,
): DuePlan {
  requireWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
  requireWhole('missedMax', policy.missedMax, 0, MAX_MISSED);
  if (!Number.isFinite(now)) throw new RangeError(`not an instant: ${now}`);
  if (!(policy.graceSeconds >= 0)) throw new RangeError('graceSeconds must not be negative');

  const runsLeft = cursor.maxRuns === null ? Infinity : cursor.maxRuns - cursor.runCount;
  if (runsLeft <= 0) return ended([]);
  if (now < cursor.nextRunAt) return { slots: [], nextRunAt: cursor.nextRunAt, exhausted: false };

  const latestToFire = { skip: 0, run_once: 1, run_all: policy.missedMax }[policy.missed];
  const missedBefore = now - policy.graceSeconds * 1000;
  const due: number[] = [];
  let next = nextAfter(rule, cursor.nextRunAt - 1);
  for (; next !== null && next <= now && due.length < limit; next = nextAfter(rule, next)) due.push(next);
  // Beyond the limit, look just far enough ahead to know whether `latestToFire` missed ones follow.
  const runs = due.filter((at) => !isExcluded(rule, at));
  const enough = runs.length + latestToFire;
  let ahead = next === null || next > now ? null : nextRunAfter(rule, next - 1);
  for (; ahead !== null && ahead <= now && runs.length < enough; ahead = nextRunAfter(rule, ahead))
    runs.push(ahead);

  const slots: PlannedSlot[] = [];
  let run = 0;
  let fired = 0;
  for (const scheduledFor of due) {
    if (scheduledFor !== runs[run]) {
      slots.push({ scheduledFor, action: 'exclude' });
      continue;
    }
    const rival = runs[run + latestToFire];
    const isMissed = scheduledFor < missedBefore;
    const fires = !isMissed || rival === undefined || rival >= missedBefore;
    slots.push({ scheduledFor, action: fires ? (isMissed ? 'catch_up' : 'fire') : 'skip_missed' });
    run += 1;
    if (fires) fired += 1;
    if (fired >= runsLeft) return ended(slots);
  }
  return next === null ? ended(slots) : { slots, nextRunAt: next, exhausted: false };
}

function ended(slots: readonly PlannedSlot[]): DuePlan {
  return { slots, nextRunAt: null, exhausted: true };
}

function requireWhole(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${name} must be a whole number from ${min} to ${max}`);
  }
}
