import type { RemotePath } from '../remote-path.js';

/** A folder of a backup with the files that it has. */
export interface Layer {
  readonly folder: RemotePath;
  readonly files: readonly RemotePath[];
}

/** What is taken from one folder: everything but what is hidden. */
export interface RestoreStep {
  readonly folder: RemotePath;
  readonly files: number;
  readonly hidden: readonly RemotePath[];
}

export interface RestorePlan {
  readonly steps: readonly RestoreStep[];
  /** Files of the version that are nowhere any more. */
  readonly missing: readonly RemotePath[];
}

/**
 * Where each file of a version is taken from. `layers` are the folders of later runs, the earliest first, and then
 * `current`: what a run has put aside is as it was until then, so the first folder that has a file has it as it was
 * at the end of the version's own run. Files that the version did not have are hidden everywhere.
 */
export function restorePlan(version: ReadonlySet<RemotePath>, layers: readonly Layer[]): RestorePlan {
  const missing = new Set(version);
  const steps = layers.map(({ folder, files }) => {
    const hidden = files.filter((path) => !missing.delete(path));
    return { folder, files: files.length - hidden.length, hidden };
  });
  return { steps: steps.filter((step) => step.files > 0), missing: [...missing] };
}
