import { AppError, UserError } from '../../../kernel/http/index.js';
import { PostponeError } from '../definition/define-job.js';
import { backoffSeconds, type Backoff } from './backoff.js';
import type { Outcome } from './job-moves.repository.js';

/** Why an attempt was told to stop. `lost`: somebody else holds the job now, nothing may be written. */
export type StopReason = 'cancel' | 'timeout' | 'shutdown' | 'lost';

/** Longest error text kept in a job's row. */
const MAX_ERROR_LENGTH = 4_000;

/** What follows from a handler that threw: rule 4 decides between failing and trying again. */
export function outcomeOfError(
  error: unknown,
  stop: StopReason | null,
  job: {
    readonly retryCount: number;
    readonly maxRetries: number;
    readonly timeoutSeconds: number;
    readonly backoff: Backoff;
  },
  random: number,
): Outcome | 'lost' {
  if (stop === 'lost') return 'lost';
  if (stop === 'cancel') return { kind: 'cancelled' };
  if (stop === 'shutdown') return { kind: 'release', delaySeconds: 0, reason: null };
  if (stop === null && error instanceof PostponeError)
    return { kind: 'release', delaySeconds: error.seconds, reason: textOf(error) };
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
    delaySeconds: backoffSeconds(job.backoff, job.retryCount + 1, random),
  };
}

function codeOf(error: unknown): string {
  return error instanceof AppError ? error.code : 'error';
}

function textOf(error: unknown): string {
  return storable(error instanceof Error ? error.message : String(error)).slice(0, MAX_ERROR_LENGTH);
}

/** U+0000 and lone surrogates cannot be stored; what a handler says must never keep its job from ending. */
export function storable(text: string): string {
  return text.replaceAll('\0', '␀').toWellFormed();
}

/** The same for every string inside a JSON value; keys included. Anything JSON cannot carry is left out. */
export function storableJson(value: object): object {
  return JSON.parse(storableEscapes(JSON.stringify(value))) as object;
}

/** In JSON text U+0000 and lone surrogates appear as escapes, because `JSON.stringify` is well-formed. */
function storableEscapes(json: string): string {
  return json.replace(/\\(u0000|ud[89a-f][0-9a-f]{2}|.)/gi, (escape, body: string) => {
    if (body === 'u0000') return '␀';
    return /^ud/i.test(body) ? '\uFFFD' : escape;
  });
}
