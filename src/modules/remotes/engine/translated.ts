import { LocalRootError } from '../local-root.js';
import { InvalidRemotePath } from '../remote-path.js';
import { judge } from './failure.js';
import { RcConnectionError, RcError } from './rc-client.js';
import { CopyLog } from './rc-log.js';
import { FileNotFound, TransferError } from './transfer-engine.js';

/**
 * Runs `work` and turns what it throws into the errors that `TransferEngine` promises. `roots`: folders of the
 * server, which no message may name.
 */
export async function translated<T>(
  roots: readonly string[],
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof TransferError || cause instanceof FileNotFound) throw cause;
    if (signal?.aborted) throw new TransferError('cancelled', 'It was cancelled.', { cause });
    if (cause instanceof LocalRootError) throw new TransferError('permission', cause.message, { cause });
    if (cause instanceof InvalidRemotePath) throw new TransferError('fatal', cause.message, { cause });
    if (cause instanceof RcConnectionError) throw new TransferError('temporary', cause.message, { cause });
    if (cause instanceof RcError) {
      const error = new CopyLog(roots).redact(cause.message);
      const verdict = judge({ error, fatal: false, failed: 0, failures: [], succeeded: 0 });
      throw new TransferError(verdict.kind, verdict.message, { retryable: verdict.retryable, cause });
    }
    throw cause;
  }
}
