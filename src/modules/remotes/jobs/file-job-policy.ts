import type { DeleteProtection, TransferResult } from '../engine/transfer-engine.js';

/** Jobs of one type into one remote at the same time, over all processes: more only share its bandwidth. */
const JOBS_PER_DESTINATION = 4;

/** Characters of JSON: room for the plan of a dry run with its thousand entries. */
const MAX_RESULT = 262_144;

/** What all file jobs have in common in their definitions. */
export const FILE_JOB = {
  queue: 'files',
  maxRetries: 5,
  backoff: { kind: 'exponential', seconds: 30, maxSeconds: 3600 },
  timeoutSeconds: 86_400,
  hintSize: 1,
  sizes: { result: MAX_RESULT },
} as const;

/** Others of the type wait as rows, which costs nothing; what the types share is bounded when a job starts. */
export const perDestination = {
  perKey: {
    jobs: JOBS_PER_DESTINATION,
    key: ({ destination }: { destination: { remoteId: string } }) => destination.remoteId,
    by: 'destination remote',
  },
};

/** Deletions that need an explicit yes: an empty source, or more than 50 that are more than a quarter of the files. */
export const protection = (allowMassDelete = false): DeleteProtection => ({
  allowMassDelete,
  mostDeletes: 50,
  mostDeletesPercent: 25,
});

/** The result with as much of its plan as fits into a row; the counts of the plan are always whole. */
export function fitting<T extends { plan: TransferResult['plan'] }>(result: T, most = MAX_RESULT): T {
  let fitted = result;
  while (fitted.plan && fitted.plan.entries.length > 0 && JSON.stringify(fitted).length > most) {
    const { plan } = fitted;
    const entries = plan.entries.slice(0, Math.floor(plan.entries.length / 2));
    fitted = { ...fitted, plan: { ...plan, entries, truncated: true } };
  }
  return fitted;
}
