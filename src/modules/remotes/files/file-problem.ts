import { OperationalError, UserError } from '../../../kernel/http/index.js';
import { TransferError } from '../engine/transfer-engine.js';
import { type RemotePath, displayPath } from '../remote-path.js';
import { transferProblem } from '../transfer-problem.js';

/** How storages say that there is no room left: as texts, because neither they nor rclone have a code for it. */
const FULL =
  /no space left|remaining disk space|quota|insufficient (?:disk )?storage|storagefull|storage backend is full|status(?: code)?[:= ]+507/i;

/** Whose fault it is that something could not be done with a file: see `transferProblem`. */
export function fileProblem(error: unknown): unknown {
  if (!(error instanceof TransferError)) return transferProblem(error);
  if (error.kind === 'fatal' && FULL.test(error.message))
    return new UserError(507, 'storage_full', 'There is no room left on this remote.');
  if (error.kind === 'exists') return UserError.conflict('file_exists', error.message);
  if (error.kind === 'auth') return UserError.conflict('remote_auth_error', error.message);
  return transferProblem(error);
}

/** The same for a stream that broke: whatever it says that is not the engine's word comes from the far side. */
export function streamProblem(error: unknown): unknown {
  const problem = fileProblem(error);
  if (problem !== error || error instanceof UserError || error instanceof OperationalError) return problem;
  const broken = new OperationalError('transfer_temporary', 'The remote stopped in the middle of the file.');
  broken.cause = error;
  return broken;
}

export const isFolder = (what: string): UserError =>
  UserError.conflict('is_a_folder', `There is a folder at this path; ${what}.`);

/** The same words whether nothing is there or it may not be seen. */
export const nothingAt = (path: RemotePath): UserError =>
  new UserError(404, 'file_not_found', `There is nothing at ${displayPath(path)}.`);
export const noFolderAt = (path: RemotePath): UserError =>
  new UserError(404, 'file_not_found', `There is no folder at ${displayPath(path)}.`);
