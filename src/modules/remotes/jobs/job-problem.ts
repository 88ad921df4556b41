import { PostponeError, type JobContext } from '../../jobs/index.js';
import { TransferError } from '../engine/transfer-engine.js';
import { transferProblem } from '../transfer-problem.js';

/** While rclone is missing a job waits and asks again this often; the engine looks for it no more often either. */
const LOOK_AGAIN_SECONDS = 30;

/**
 * What the job engine is to do with a job that did not succeed: without rclone it waits, what may pass is tried again,
 * what would fail again in the same way fails. A cancelled one is thrown on: whoever stopped it knows why.
 */
export function jobProblem(error: unknown, context: JobContext): unknown {
  if (!(error instanceof TransferError)) return transferProblem(error);
  tell(error, context);
  if (error.kind === 'cancelled') return error;
  if (error.kind === 'unavailable') return new PostponeError(LOOK_AGAIN_SECONDS, error.message);
  return transferProblem(error);
}

/** A job that did not succeed has no result, so what was done and what was not goes into its log. */
function tell({ result, possiblyPartial }: TransferError, context: JobContext): void {
  if (result === null) return;
  const { created, updated, deleted, failed } = result.files;
  const { plan: _plan, failedFiles, ...rest } = result;
  for (const { name, error } of failedFiles) context.log('error', `${name}: ${error}`, { file: name });
  context.log(
    'warning',
    `Ended before it was done: ${created + updated} files copied, ${deleted} deleted, ${failed} failed, ${possiblyPartial.length} may be incomplete`,
    { result: rest, possiblyPartial },
  );
}
