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

const CAUSES: [pattern: RegExp, kind: TransferErrorKind][] = [
  [
    /couldn't fetch token|invalid_grant|unauthorized|\b401\b|unable to authenticate|authentication failed|login incorrect|InvalidAccessKeyId|SignatureDoesNotMatch/i,
    'auth',
  ],
  [/doesn't support server-side move or copy|server-side (move|copy) not supported/i, 'not_supported'],
  [/permission denied|operation not permitted|read-only file system|access denied/i, 'permission'],
  // A full disk stays full until a person acts; so do the others.
  [/no space left on device|remaining disk space|disk quota exceeded|file too large/i, 'fatal'],
  [
    /not a directory|is a directory|is a file not|file name too long|too many levels of symbolic links/i,
    'fatal',
  ],
  [/(mismatched|bad|malformed|invalid) .*(glob|pattern|regexp)|in glob|error parsing regexp/i, 'fatal'],
];
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

function kindOf(error: string): TransferErrorKind {
  return CAUSES.find(([pattern]) => pattern.test(error))?.[1] ?? 'temporary';
}
