import {
  MAX_FAILED_FILES,
  MAX_PLANNED,
  type TransferPlan,
  type TransferResult,
} from '../engine/transfer-engine.js';

const NOTHING: TransferResult = {
  engine: { rclone: '' },
  dryRun: false,
  bytes: 0,
  files: { created: 0, updated: 0, deleted: 0, unchanged: 0, failed: 0 },
  failedFiles: [],
  durationMs: 0,
  bytesPerSecond: 0,
  verification: null,
  plan: null,
};

/** What several transfers, one after the other, have done together. */
export function together(results: readonly TransferResult[], dryRun: boolean): TransferResult {
  const sum = results.reduce(plus, { ...NOTHING, dryRun });
  const { bytes, durationMs } = sum;
  return { ...sum, bytesPerSecond: durationMs > 0 ? Math.round((bytes * 1000) / durationMs) : 0 };
}

function plus(one: TransferResult, other: TransferResult): TransferResult {
  const files = { ...one.files };
  for (const kind of Object.keys(files) as (keyof typeof files)[]) files[kind] += other.files[kind];
  const verifications = [one.verification, other.verification].filter((found) => found !== null);
  return {
    engine: other.engine,
    dryRun: one.dryRun,
    bytes: one.bytes + other.bytes,
    files,
    failedFiles: [...one.failedFiles, ...other.failedFiles].slice(0, MAX_FAILED_FILES),
    durationMs: one.durationMs + other.durationMs,
    bytesPerSecond: 0,
    verification:
      verifications.length === 0
        ? null
        : {
            by: verifications.some(({ by }) => by === 'size') ? 'size' : 'checksum',
            compared: verifications.reduce((all, { compared }) => all + compared, 0),
            differing: verifications.flatMap(({ differing }) => differing).slice(0, MAX_FAILED_FILES),
          },
    plan: planOf([one.plan, other.plan].filter((plan) => plan !== null)),
  };
}

function planOf(plans: readonly TransferPlan[]): TransferPlan | null {
  if (plans.length === 0) return null;
  const sum = (kind: 'create' | 'update' | 'delete'): { files: number; bytes: number } => ({
    files: plans.reduce((all, plan) => all + plan[kind].files, 0),
    bytes: plans.reduce((all, plan) => all + plan[kind].bytes, 0),
  });
  const entries = plans.flatMap((plan) => plan.entries).toSorted((a, b) => (a.path < b.path ? -1 : 1));
  return {
    create: sum('create'),
    update: sum('update'),
    delete: sum('delete'),
    entries: entries.slice(0, MAX_PLANNED),
    truncated: plans.some(({ truncated }) => truncated) || entries.length > MAX_PLANNED,
  };
}
