export {
  DaySet,
  MAX_DATES,
  parseDays,
  WEEKDAY_NAMES,
  type DayError,
  type NamedDays,
  type ParsedDays,
} from './days.js';
export { isExcluded, nextRunAfter } from './excluded-instants.js';
export {
  decideOverlap,
  OVERLAP_POLICIES,
  type Candidate,
  type OverlapPolicy,
  type WaitsFor,
} from './overlap.js';
export { nextAfter } from './planned-instants.js';
export { parseTiming, type ParsedTiming, type TimingError, type TimingInput } from './parse-timing.js';
export {
  MAX_MISSED,
  planDue,
  type DuePlan,
  type MissedRunPolicy,
  type PlannedSlot,
  type RuleCursor,
} from './plan-due.js';
export { DEFAULT_DST, type DaylightSavingPolicy, type TimingRule } from './timing-rule.js';
export { MAX_UPCOMING, upcoming, type UpcomingInstant, type UpcomingNote } from './upcoming.js';
