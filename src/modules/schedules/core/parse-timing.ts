import { cronProblem } from './cron-suggestion.js';
import { DaySet, parseDays, type NamedDays } from './days.js';
import { nearest } from './nearest.js';
import { nextRunAfter } from './excluded-instants.js';
import { nextAfter } from './planned-instants.js';
import { DEFAULT_DST, MAX_INSTANT, MIN_INSTANT, type TimingRule } from './timing-rule.js';
import { UnknownZoneError, zoneOf } from './zone.js';

/** A rule's timing as asked for. Instants are epoch ms; what is absent or null takes its default. */
export interface TimingInput {
  readonly type: string;
  readonly cronExpression?: string | null;
  readonly intervalSeconds?: number | null;
  readonly runAt?: number | null;
  readonly timezone: string;
  readonly dst?: { readonly gap?: string | null; readonly overlap?: string | null } | null;
  readonly jitterSeconds?: number | null;
  readonly jitterSeed: string;
  /** Where the interval's grid begins. Keep it when a rule is edited, or its instants shift. */
  readonly anchorAt: number;
  readonly startsAt?: number | null;
  readonly endsAt?: number | null;
  readonly exclusions?: NamedDays | null;
  /** Days of the calendars it leaves out beside its own. */
  readonly calendars?: readonly (DaySet | null)[];
}

export interface TimingError {
  /** A field of TimingRule, or a part of one: `dst.gap`, `exclusions.dates.3`. */
  readonly field: string;
  readonly code:
    | 'required'
    | 'not_applicable'
    | 'invalid_value'
    | 'out_of_range'
    | 'invalid_cron'
    | 'impossible_cron'
    | 'unknown_timezone'
    | 'end_before_start'
    | 'in_the_past'
    | 'invalid_day'
    | 'never_runs';
  /** Continues a sentence that begins with the field's name. */
  readonly message: string;
  /** The nearest valid value, when one is near. */
  readonly suggestion?: string;
}

export type ParsedTiming =
  | { readonly ok: true; readonly rule: TimingRule }
  | { readonly ok: false; readonly errors: readonly TimingError[] };

/** PostgreSQL's INTEGER (S1-25). */
const MAX_INTERVAL_SECONDS = 2_147_483_647;
const MAX_JITTER_SECONDS = 86_400;
const MAX_TEXT_TO_COMPARE = 64;
/** Only to correct spelling: aliases are valid too, and the runtime does not list them. */
const KNOWN_ZONES = ['UTC', ...Intl.supportedValuesOf('timeZone')];

/**
 * Check a rule's timing and fill in defaults. Reports all problems at once, never throws, and what it accepts
 * plans in bounded time (C16). With `now`, a rule that could not run any more is refused too; leave `now` out
 * when reading back a stored rule, which may rightly have ended.
 */
export function parseTiming(input: TimingInput, now?: number): ParsedTiming {
  const errors: TimingError[] = [];
  const type = oneOf(['cron', 'interval', 'once'], input.type, 'type', errors);
  const timezone = parseZone(input.timezone, errors);
  const expression = input.cronExpression?.trim().replace(/\s+/g, ' ') || null;
  const runAt = parseInstant(input.runAt, 'runAt', errors);
  const startsAt = parseInstant(input.startsAt, 'startsAt', errors);
  const endsAt = parseInstant(input.endsAt, 'endsAt', errors);
  const anchorAt = parseInstant(input.anchorAt, 'anchorAt', errors);
  const interval = parseWhole(input.intervalSeconds, 'intervalSeconds', 1, MAX_INTERVAL_SECONDS, errors);
  const jitter = parseWhole(input.jitterSeconds, 'jitterSeconds', 0, MAX_JITTER_SECONDS, errors);
  const gap = oneOf(['run_after', 'skip'], input.dst?.gap ?? DEFAULT_DST.gap, 'dst.gap', errors);
  const overlap = oneOf(
    ['first', 'last', 'both'],
    input.dst?.overlap ?? DEFAULT_DST.overlap,
    'dst.overlap',
    errors,
  );
  const days = parseDays(input.exclusions ?? { dates: [], weekdays: [] });
  if (!days.ok)
    for (const { field, ...problem } of days.errors)
      errors.push({ field: `exclusions.${field}`, code: 'invalid_day', ...problem });

  if (type !== null) {
    checkNeeds('cronExpression', expression, type === 'cron', type, errors);
    checkNeeds('intervalSeconds', input.intervalSeconds ?? null, type === 'interval', type, errors);
    checkNeeds('runAt', input.runAt ?? null, type === 'once', type, errors);
  }
  if (type === 'cron' && expression !== null) {
    const problem = cronProblem(expression);
    if (problem !== null) errors.push({ field: 'cronExpression', ...problem });
  }
  if (startsAt !== null && endsAt !== null && endsAt < startsAt) {
    errors.push({ field: 'endsAt', code: 'end_before_start', message: 'must not be before startsAt' });
  }
  if (now !== undefined && type === 'once' && runAt !== null && runAt <= now) {
    errors.push({ field: 'runAt', code: 'in_the_past', message: 'must be in the future' });
  }
  if (now !== undefined && endsAt !== null && endsAt <= now) {
    errors.push({ field: 'endsAt', code: 'in_the_past', message: 'must be in the future' });
  }
  if (anchorAt === null && errors.length === 0) {
    errors.push({ field: 'anchorAt', code: 'required', message: 'is required' });
  }
  if (errors.length > 0 || !type || !timezone || !gap || !overlap || anchorAt === null || !days.ok) {
    return { ok: false, errors };
  }
  const rule: TimingRule = {
    type,
    cronExpression: expression,
    intervalSeconds: interval,
    runAt,
    timezone,
    dst: { gap, overlap },
    jitterSeconds: jitter ?? 0,
    jitterSeed: input.jitterSeed,
    anchorAt,
    startsAt,
    endsAt,
    exclusions: DaySet.union([days.days, ...(input.calendars ?? [])]),
  };
  const from = now ?? MIN_INSTANT - 1;
  if (nextAfter(rule, from) === null) {
    const field = { cron: 'cronExpression', interval: 'intervalSeconds', once: 'runAt' }[type];
    const message = 'has no planned instant between startsAt and endsAt';
    return { ok: false, errors: [{ field, code: 'never_runs', message }] };
  }
  if (now !== undefined && nextRunAfter(rule, from) === null) {
    const message = 'must leave a planned instant';
    return { ok: false, errors: [{ field: 'exclusions', code: 'never_runs', message }] };
  }
  return { ok: true, rule };
}

function checkNeeds(
  field: string,
  value: unknown,
  isNeeded: boolean,
  type: string,
  errors: TimingError[],
): void {
  if (isNeeded && value === null) {
    errors.push({ field, code: 'required', message: `is required for a rule of type ${type}` });
  } else if (!isNeeded && value !== null) {
    // Kept silently, it would look as if it had an effect.
    errors.push({ field, code: 'not_applicable', message: `has no meaning for a rule of type ${type}` });
  }
}

function oneOf<const T extends string>(
  allowed: readonly T[],
  value: string,
  field: string,
  errors: TimingError[],
): T | null {
  const found = allowed.find((known) => known === value);
  if (found !== undefined) return found;
  errors.push({ field, code: 'invalid_value', message: `must be one of ${allowed.join(', ')}` });
  return null;
}

function parseWhole(
  value: number | null | undefined,
  field: string,
  min: number,
  max: number,
  errors: TimingError[],
): number | null {
  if (value === null || value === undefined) return null;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  errors.push({ field, code: 'out_of_range', message: `must be a whole number from ${min} to ${max}` });
  return null;
}

function parseInstant(value: number | null | undefined, field: string, errors: TimingError[]): number | null {
  if (value === null || value === undefined) return null;
  if (Number.isInteger(value) && value >= MIN_INSTANT && value <= MAX_INSTANT) return value;
  errors.push({ field, code: 'out_of_range', message: 'must be an instant from the year 1900 to 9999' });
  return null;
}

function parseZone(name: string, errors: TimingError[]): string | null {
  try {
    zoneOf(name);
    // Keep an alias as it was given: the runtime's own choice of canonical name changes between versions.
    return KNOWN_ZONES.find((other) => other.toLowerCase() === name.toLowerCase()) ?? name;
  } catch (error) {
    if (!(error instanceof UnknownZoneError)) throw error;
    const suggestion = nearestZone(name);
    const message = 'must be an IANA time zone such as Europe/Berlin';
    errors.push({
      field: 'timezone',
      code: 'unknown_timezone',
      message,
      ...(suggestion !== undefined && { suggestion }),
    });
    return null;
  }
}

function nearestZone(name: string): string | undefined {
  if (name.length > MAX_TEXT_TO_COMPARE) return undefined;
  const text = name.trim().replace(/\s+/g, '_');
  const byCity = KNOWN_ZONES.find(
    (zone) => zone.slice(zone.lastIndexOf('/') + 1).toLowerCase() === text.toLowerCase(),
  );
  return byCity ?? nearest(text, KNOWN_ZONES, Math.min(3, Math.floor(text.length / 3)));
}
