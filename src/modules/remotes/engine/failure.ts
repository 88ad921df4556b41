import { causeOf } from './causes.js';
import type { FailedFile, TransferErrorKind } from './transfer-engine.js';

/** How an unsuccessful transfer is to be told: see `TransferErrorKind`. */
export interface Verdict {
  kind: TransferErrorKind;
  retryable: boolean;
  message: string;
}

/** What is known when rclone has reported the end of a transfer without success. */
export interface FailedRun {
  /** rclone's error for the whole job. */
  error: string;
  /** rclone itself holds the error for final (`core/stats`). */
  fatal: boolean;
  failed: number;
  failures: readonly FailedFile[];
  /** Files that were dealt with, or found equal. */
  succeeded: number;
  /** What was done to files, for the message. */
  verb?: 'copied' | 'moved' | 'deleted';
}

const BAD_PATTERN =
  /(mismatched|bad|malformed|invalid) .*(glob|pattern|regexp)|in glob|error parsing regexp/i;
const MISSING = /(directory|object|file) not found|no such file or directory/i;

/**
 * Decides kind and retry from rclone's texts, which have no codes. Unknown errors are held for temporary: an
 * attempt too many costs little, giving up on a hiccup costs the job.
 */
export function judge(run: FailedRun): Verdict {
  const { failures, failed, succeeded } = run;
  const first = failures[0];
  if (first === undefined) {
    const known = kindOf(run.error);
    const kind = MISSING.test(run.error) ? 'not_found' : run.fatal && known === 'temporary' ? 'fatal' : known;
    return { kind, retryable: kind === 'temporary', message: run.error };
  }
  // A file that vanished between listing and copying is no missing source: the next attempt lists again.
  const kinds = failures.map((failure) => kindOf(failure.error));
  const retryable = !run.fatal && kinds.includes('temporary');
  const few = failed === 1 ? '1 file' : `${failed} files`;
  const message = `${few} could not be ${run.verb ?? 'copied'}. ${first.name}: ${first.error}`;
  if (succeeded > 0) return { kind: 'partial', retryable, message };
  const kind = retryable ? 'temporary' : (kinds.find((one) => one !== 'temporary') ?? 'fatal');
  return { kind, retryable, message };
}

/** Of one file. What vanished may be listed anew; what stands in the way stands there in the next attempt too. */
function kindOf(error: string): TransferErrorKind {
  if (BAD_PATTERN.test(error)) return 'fatal';
  const cause = causeOf(error);
  if (cause === 'not_found') return 'temporary';
  return cause === 'exists' ? 'fatal' : cause;
}
