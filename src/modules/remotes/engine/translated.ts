import { LocalRootError } from '../local-root.js';
import { InvalidRemotePath } from '../remote-path.js';
import { causeOf } from './causes.js';
import { RcConnectionError, RcError } from './rc-client.js';
import { Redactor } from './redactor.js';
import { type EngineRemote, FileNotFound, TransferError } from './transfer-engine.js';

/** Runs `work` for `remotes` and turns what it throws into the errors that `TransferEngine` promises. */
export async function translated<T>(
  remotes: readonly EngineRemote[],
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw translate(remotes, signal, cause);
  }
}

/** The error of the port for `cause`, free of secrets; what nobody expects stays as it is. */
export function translate(
  remotes: readonly EngineRemote[],
  signal: AbortSignal | undefined,
  cause: unknown,
): unknown {
  if (cause instanceof TransferError || cause instanceof FileNotFound) return cause;
  if (signal?.aborted) return new TransferError('cancelled', 'It was cancelled.', { cause });
  if (cause instanceof LocalRootError) return new TransferError('permission', cause.message, { cause });
  if (cause instanceof InvalidRemotePath) return new TransferError('fatal', cause.message, { cause });
  if (cause instanceof RcConnectionError) return new TransferError('temporary', cause.message, { cause });
  if (cause instanceof RcError) {
    const message = new Redactor(remotes).text(cause.message);
    // Without the cause: its text is the one that was cut.
    return new TransferError(causeOf(cause.message), message);
  }
  return cause;
}
