export interface FailedFile {
  name: string;
  error: string;
}

/** What a transfer would do. */
export interface TransferPlan {
  create: { files: number; bytes: number };
  update: { files: number; bytes: number };
  delete: { files: number; bytes: number };
  /** In the order of their paths, at most `MAX_PLANNED`; relative to the folder that is transferred. */
  entries: { action: 'create' | 'update' | 'delete'; path: string; size: number | null }[];
  /** There are more than are named. */
  truncated: boolean;
}

export interface Verification {
  /** `size` where the two sides have no checksum in common. */
  by: 'checksum' | 'size';
  compared: number;
  /** At most `MAX_FAILED_FILES`. */
  differing: string[];
}

/** What a transfer did. With `dryRun` the numbers say what it would have done. */
export interface TransferResult {
  engine: { rclone: string };
  dryRun: boolean;
  bytes: number;
  files: {
    created: number;
    updated: number;
    deleted: number;
    /** Equal already. */
    unchanged: number;
    failed: number;
  };
  /** The first failures, at most `MAX_FAILED_FILES`. */
  failedFiles: FailedFile[];
  durationMs: number;
  /** Mean over the whole duration. */
  bytesPerSecond: number;
  verification: Verification | null;
  /** Of a dry run, and of what was planned before a sync or a mirroring backup. */
  plan: TransferPlan | null;
}

export const MAX_PLANNED = 1_000;
export const MAX_FAILED_FILES = 100;
