import { AppError, UserError } from '../../../kernel/http/index.js';
import { PostponeError } from '../definition/define-job.js';
import { backoffSeconds, pauseSeconds, type Backoff } from './backoff.js';
import type { Outcome } from './job-moves.repository.js';

/** Why an attempt was told to stop. `lost`: somebody else holds the job now, nothing may be written. */
export type StopReason = 'cancel' | 'timeout' | 'shutdown' | 'lost';

/** Longest error text kept in a job's row. */
const MAX_ERROR_LENGTH = 4_000;

/** The code of a job that failed because its attempt was cut off and may not be repeated. */
export const INTERRUPTED = 'interrupted';

/**
 * What follows from a handler that threw: rule 4 decides between failing and trying again. `begun` says that the
 * handler was under way, which what may not be done twice never is again; `warn` hears of a back-off out of order.
 */
export function outcomeOfError(
  error: unknown,
  stop: StopReason | null,
  job: {
    readonly retryCount: number;
    readonly maxRetries: number;
    readonly timeoutSeconds: number;
    readonly backoff: Backoff;
    readonly onCrash?: 'again' | 'fail';
    readonly begun?: boolean;
  },
  random: number,
  warn?: (problem: string) => void,
): Outcome | 'lost' {
  if (stop === 'lost') return 'lost';
  if (stop === 'cancel') return { kind: 'cancelled' };
  if (stop === 'shutdown') return afterShutdown(job);
  if (stop === null && error instanceof PostponeError)
    return { kind: 'release', delaySeconds: pauseSeconds(error.seconds), reason: textOf(error) };
  const [errorCode, text] =
    stop === 'timeout'
      ? ['timeout', `It ran longer than ${job.timeoutSeconds} s.`]
      : [codeOf(error), textOf(error)];
  if (error instanceof UserError || job.retryCount >= job.maxRetries)
    return { kind: 'failed', error: text, errorCode };
  return {
    kind: 'retry',
    error: text,
    errorCode,
    delaySeconds: backoffSeconds(job.backoff, job.retryCount + 1, random, error, warn),
  };
}

function afterShutdown({ onCrash, begun }: { onCrash?: 'again' | 'fail'; begun?: boolean }): Outcome {
  return onCrash === 'fail' && begun
    ? { kind: 'failed', error: 'Its worker was shut down in the middle of it.', errorCode: INTERRUPTED }
    : { kind: 'release', delaySeconds: 0, reason: null };
}

function codeOf(error: unknown): string {
  return error instanceof AppError ? error.code : 'error';
}

function textOf(error: unknown): string {
  return storable(wordsOf(error)).slice(0, MAX_ERROR_LENGTH);
}

/** Anything can be thrown, also what has no text (`Object.create(null)`), and a message need not be one. */
function wordsOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'It threw a value that cannot be shown.';
  }
}

/** U+0000 and lone surrogates cannot be stored; what a handler says must never keep its job from ending. */
export function storable(text: string): string {
  return text.replaceAll('\0', '␀').toWellFormed();
}

/**
 * The same for every string inside a JSON value; keys included. Never throws: a bigint becomes its digits, and a
 * value that JSON cannot carry (a cycle) or that takes more than `maxLength` characters becomes a note of that.
 */
export function storableJson(value: object, maxLength = Infinity): object {
  const json = storableEscapes(jsonOf(value));
  return json.length <= maxLength
    ? (JSON.parse(json) as object)
    : { truncated: true, reason: `larger than ${maxLength} characters` };
}

function jsonOf(value: object): string {
  try {
    const json: string | undefined = JSON.stringify(value, (_key, part: unknown) =>
      typeof part === 'bigint' ? String(part) : part,
    );
    return json ?? 'null';
  } catch (error) {
    return JSON.stringify({ unstorable: true, reason: wordsOf(error) });
  }
}

/** In JSON text U+0000 and lone surrogates appear as escapes, because `JSON.stringify` is well-formed. */
function storableEscapes(json: string): string {
  return json.replace(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/gi, (escape, body: string) => {
    if (body === 'u0000') return '␀';
    return /^ud/i.test(body) ? '\uFFFD' : escape;
  });
}
