import type { DaySet } from './days.js';

/** What a cron rule does when clocks change. Only for patterns with fixed hour and minute; see README.md. */
export interface DaylightSavingPolicy {
  /** A local time that does not exist: run once right after the gap, or not at all. */
  readonly gap: 'run_after' | 'skip';
  /** A local time that exists twice: run at its first, its last or both occurrences. */
  readonly overlap: 'first' | 'last' | 'both';
}

/**
 * The timing of one schedule, already validated by `parseTiming`. Instants are epoch milliseconds. The planned
 * instants of a rule follow from these fields alone, so every process computes the same ones.
 */
export interface TimingRule {
  readonly type: 'cron' | 'interval' | 'once';
  readonly cronExpression: string | null;
  readonly intervalSeconds: number | null;
  readonly runAt: number | null;
  /** IANA name. Interval and once rules use it only to show local times, and to know which day it is. */
  readonly timezone: string;
  readonly dst: DaylightSavingPolicy;
  /** Delays each planned instant by a stable number of whole seconds in [0, jitterSeconds). */
  readonly jitterSeconds: number;
  /** What tells rules apart for the jitter; the rule's id. */
  readonly jitterSeed: string;
  /** Interval rules plan anchorAt + k × interval for k = 0, 1, 2 …. */
  readonly anchorAt: number;
  /** First and last instant at which the rule may be planned; both included. */
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  /** Local days on which the rule does not run: instants on them stay planned, and are recorded as excluded. */
  readonly exclusions: DaySet | null;
}

export const DEFAULT_DST: DaylightSavingPolicy = { gap: 'run_after', overlap: 'first' };

/** Instants outside these years are never planned: before, tz data is guesswork; after, RFC 3339 ends. */
export const MIN_INSTANT = Date.UTC(1900, 0, 1);
export const MAX_INSTANT = Date.UTC(9999, 11, 31);
