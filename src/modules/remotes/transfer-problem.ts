import { OperationalError, UserError } from '../../kernel/http/index.js';
import { FileNotFound, TransferError, type TransferErrorKind } from './engine/transfer-engine.js';

const STATUS: Partial<Record<TransferErrorKind, number>> = { not_found: 404, permission: 403 };
/** A missing rclone is looked for again this often. */
const LOOK_AGAIN_SECONDS = 30;

/**
 * Gives an error of the engine its author (rule 4): what may pass is the outside's, what would fail again in the
 * same way is the caller's. Anything else is returned as it is.
 */
export function transferProblem(error: unknown): unknown {
  if (error instanceof FileNotFound) return new UserError(404, 'file_not_found', error.message);
  if (!(error instanceof TransferError)) return error;
  if (error.kind === 'unavailable')
    return new OperationalError('rclone_unavailable', error.message, LOOK_AGAIN_SECONDS);
  const code = `transfer_${error.kind}`;
  if (error.retryable) return new OperationalError(code, error.message);
  return new UserError(STATUS[error.kind] ?? 422, code, error.message);
}
