import { type DeleteProtection, TransferError } from '../transfer-engine.js';

/** Files that may come to be deletable between the plan and the run, beside a tenth of what was planned. */
const SLACK = 10;

/**
 * Refuses to empty a destination by accident. rclone's own MaxDelete deletes up to its number before it stops, so
 * the question is answered from the plan, before anything is deleted.
 *
 * `sourceFiles` and `filesThere` are asked only when the answer depends on them: each lists a whole side.
 */
export async function refuseMassDelete(
  protection: DeleteProtection,
  planned: { writes: number; deletes: number },
  ask: { sourceFiles: () => Promise<number>; filesThere: () => Promise<number> },
): Promise<void> {
  const { allowMassDelete, mostDeletes, mostDeletesPercent } = protection;
  const { writes, deletes } = planned;
  if (allowMassDelete || deletes === 0) return;
  if (writes === 0 && (await ask.sourceFiles()) === 0) {
    throw new TransferError(
      'protected',
      `The source has no files, so ${files(deletes)} at the destination would be deleted. ` +
        'If that is meant, allow mass deletion for this job.',
    );
  }
  if (deletes <= mostDeletes) return;
  const there = Math.max(deletes, await ask.filesThere());
  const percent = (100 * deletes) / there;
  if (percent <= mostDeletesPercent) return;
  throw new TransferError(
    'protected',
    `${files(deletes)} of ${there} at the destination (${Math.floor(percent)} %) would be deleted; ` +
      `without an explicit yes it may be ${mostDeletes} or ${mostDeletesPercent} %. ` +
      'If that is meant, allow mass deletion for this job.',
  );
}

/**
 * What rclone may delete in the run that was planned. It counts more than once what it moves aside where the
 * remote cannot move: the copy's original too, and an older version in the way.
 */
export function mostDeletions(
  kind: 'sync' | 'backup',
  planned: { deletes: number; updates: number },
): number {
  const { deletes, updates } = planned;
  const counted = kind === 'sync' ? deletes : 3 * deletes + 2 * updates;
  return counted + SLACK + Math.ceil(deletes / 10);
}

function files(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}
