import { MAX_DELAY_SECONDS } from '../engine/backoff.js';
import type { JobDefinition } from './define-job.js';

/** The longest time limit, and the longest time a rate counts over. */
const WEEK_SECONDS = 604_800;
/** What fits into a column of the database, with room. */
const MANY = 1_000_000;

/** What is wrong with a definition, each in one sentence that names the place; empty when nothing is. */
export function problemsOf(definition: JobDefinition): string[] {
  const { limits, backoff, sizes } = definition;
  const problems: string[] = [];
  const whole = (place: string, value: number | null | undefined, least: number, most: number): void => {
    if (
      value !== undefined &&
      value !== null &&
      !(Number.isInteger(value) && value >= least && value <= most)
    )
      problems.push(`${place} must be a whole number from ${least} to ${most}, not ${value}`);
  };
  const seconds = (place: string, value: number, most: number): void => {
    if (!(value >= 0 && value <= most)) problems.push(`${place} must be 0 to ${most} seconds, not ${value}`);
  };

  if (!/^[a-z][a-z0-9-]{0,49}$/.test(definition.name)) problems.push('the name is not a job type name');
  if (definition.routine && !definition.ownerless && definition.requiredRole !== 'system')
    problems.push('runs by itself and so must be ownerless');
  if (definition.routine && !definition.payload.safeParse({}).success)
    problems.push('runs by itself and so must take {} as its payload');
  whole('hintSize', definition.hintSize, 1, 100);
  whole('maxRetries', definition.maxRetries, 0, 100);
  whole('timeoutSeconds', definition.timeoutSeconds, 1, WEEK_SECONDS);
  whole('concurrency', definition.concurrency, 1, MANY);
  whole('limits.global', limits.global, 1, MANY);
  whole('limits.perKey.jobs', limits.perKey?.jobs, 1, MANY);
  whole('limits.rate.jobs', limits.rate?.jobs, 1, MANY);
  if (limits.rate && !(limits.rate.perSeconds > 0 && limits.rate.perSeconds <= WEEK_SECONDS))
    problems.push(
      `limits.rate.perSeconds must be more than 0 and at most ${WEEK_SECONDS}, not ${limits.rate.perSeconds}`,
    );
  whole('sizes.payload', sizes.payload, 2, MAX_PAYLOAD_BYTES);
  whole('sizes.result', sizes.result, 100, 10 * MANY);
  whole('sizes.logLines', sizes.logLines, 0, MANY);
  if (backoff.kind === 'custom') {
    if (backoff.describe.trim() === '') problems.push('backoff.describe must say what the function does');
  } else seconds('backoff.seconds', backoff.seconds, MAX_DELAY_SECONDS);
  if (backoff.kind === 'exponential') seconds('backoff.maxSeconds', backoff.maxSeconds, MAX_DELAY_SECONDS);
  return problems.map((problem) => `"${definition.name}": ${problem}`);
}

/** A request with more is refused before anybody looks at its type. */
const MAX_PAYLOAD_BYTES = 1_000_000;
