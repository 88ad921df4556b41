import type { TransferResult } from './transfer-result.js';

export type TransferErrorKind =
  /** The signal was aborted. */
  | 'cancelled'
  /** The source is not there. */
  | 'not_found'
  /** Something is there that must not be. */
  | 'exists'
  /** The remote does not accept what it is given to log in. */
  | 'auth'
  /** The remote cannot do this at all. */
  | 'not_supported'
  /** An empty source, or too many deletions, and no explicit yes. */
  | 'protected'
  /** The system or the remote refuses; also a root or link that leads outside. */
  | 'permission'
  /** Source and destination are the same or lie in each other. */
  | 'overlap'
  /** Worth another attempt as it is. */
  | 'temporary'
  /** Some files were copied, others failed: see `result.failedFiles`. */
  | 'partial'
  /** Another attempt would fail in the same way. */
  | 'fatal'
  /** There is no engine now; nothing was begun. */
  | 'unavailable';

/** A copy or a look-up that did not succeed. `message` is fit for the owner of the job. */
export class TransferError extends Error {
  override readonly name = 'TransferError';
  readonly retryable: boolean;
  /** Files whose last bytes may be missing at the destination (names relative to the source folder). */
  readonly possiblyPartial: string[];
  /** What was done before the failure, where a copy had begun. */
  readonly result: TransferResult | null;

  constructor(
    readonly kind: TransferErrorKind,
    message: string,
    details: {
      retryable?: boolean;
      possiblyPartial?: string[];
      result?: TransferResult;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.retryable = details.retryable ?? (kind === 'temporary' || kind === 'unavailable');
    this.possiblyPartial = details.possiblyPartial ?? [];
    this.result = details.result ?? null;
  }
}

/** There is no file or folder at the path asked for. */
export class FileNotFound extends Error {
  override readonly name = 'FileNotFound';
}
