import type { TransferProgress } from './transfer-engine.js';

/** What one finished file or comparison counts in bytes, so that many small files make visible progress too. */
const ITEM_WEIGHT = 64 * 1024;
/** Time constant of the speed average, seconds: old enough to be calm, young enough to notice a stall. */
const SPEED_MEMORY_SECONDS = 5;
const MAX_CURRENT = 8;
/** Beyond this an estimate is no information. */
const MAX_SECONDS_LEFT = 30 * 24 * 3600;

/** The part of the whole that a step is, in percent: what it begins at, and what it may reach. */
export interface Share {
  from: number;
  to: number;
}

/**
 * Turns rclone's statistics (`core/stats`) of one attempt, and our own counts, into progress.
 *
 * Guarantees whatever the statistics hold, which differ between versions: every number is finite and not
 * negative, `percent` never decreases, stays at most 99 until `succeeded`, and is 0 while the totals are unknown.
 * rclone runs with CheckFirst, so all comparing ends, and the totals stand, before the first byte is copied.
 */
export class ProgressMeter {
  private percent = 0;
  private share: Share = { from: 0, to: 100 };
  private speed: number | null = null;
  private last: { bytes: number; atMs: number } | null = null;
  private latest: TransferProgress = {
    percent: 0,
    phase: 'listing',
    indeterminate: true,
    bytes: 0,
    totalBytes: 0,
    files: 0,
    totalFiles: 0,
    bytesPerSecond: 0,
    secondsLeft: null,
    current: [],
  };

  /** What follows is this part of the whole. Its statistics begin at 0. */
  step(share: Share): void {
    this.share = share;
    this.last = null;
  }

  /**
   * `atMs` is a monotonic clock in milliseconds. `deletes`: how many files will be deleted after the last one is
   * copied, which rclone's totals do not have.
   */
  update(statistics: unknown, atMs: number, deletes = 0): TransferProgress {
    const stats = isRecord(statistics) ? statistics : {};
    const serverSide = count(stats['serverSideCopyBytes']) + count(stats['serverSideMoveBytes']);
    const bytes = count(stats['bytes']) + serverSide;
    const totalBytes = Math.max(count(stats['totalBytes']) + serverSide, bytes);
    const files = count(stats['transfers']);
    const totalFiles = Math.max(count(stats['totalTransfers']), files);
    const checks = count(stats['checks']);
    const totalChecks = Math.max(count(stats['totalChecks']), checks);
    const current = currentFiles(stats['transferring']);
    const deleted = count(stats['deletes']);

    const started = bytes > 0 || files > 0 || current.length > 0 || (deletes > 0 && deleted > 0);
    const done = bytes + ITEM_WEIGHT * (files + checks);
    const total = totalBytes + ITEM_WEIGHT * (totalFiles + totalChecks + Math.max(0, deletes - deleted));
    if (started && total > 0) this.reach(done / total);
    const speed = this.measureSpeed(bytes, atMs);
    const copied = files >= totalFiles && bytes >= totalBytes;
    const phase =
      started && done >= total
        ? 'finishing'
        : started && copied && deleted > 0 && deletes > 0
          ? 'deleting'
          : started
            ? 'transferring'
            : 'listing';
    this.latest = {
      percent: this.percent,
      phase,
      indeterminate: !started,
      bytes,
      totalBytes,
      files,
      totalFiles,
      bytesPerSecond: Math.round(speed),
      secondsLeft: started ? secondsLeft(totalBytes - bytes, speed) : null,
      current,
    };
    return this.latest;
  }

  /** Of work that is counted in files and moves no bytes. `total` null: nobody knows. */
  counted(phase: TransferProgress['phase'], done: number, total: number | null): TransferProgress {
    const known = total !== null && total > 0;
    if (known) this.reach(Math.min(done, total) / total);
    this.latest = {
      ...this.latest,
      percent: this.percent,
      phase,
      indeterminate: !known,
      ...(known && phase === 'deleting' && { files: Math.min(done, total), totalFiles: total }),
      bytesPerSecond: 0,
      secondsLeft: null,
      current: [],
    };
    return this.latest;
  }

  /** The last word of a successful attempt. */
  succeeded(): TransferProgress {
    return {
      ...this.latest,
      percent: 100,
      phase: 'finishing',
      indeterminate: false,
      secondsLeft: 0,
      current: [],
    };
  }

  /** `part` of the step is done. */
  private reach(part: number): void {
    const { from, to } = this.share;
    const percent = Math.floor(from + (to - from) * Math.min(1, part));
    this.percent = Math.max(this.percent, Math.min(99, percent));
  }

  /** Own average of byte differences: rclone 1.60 reports speed 0 and no estimate in the first second. */
  private measureSpeed(bytes: number, atMs: number): number {
    const last = this.last;
    if (last === null) {
      this.last = { bytes, atMs };
      return 0;
    }
    const seconds = (atMs - last.atMs) / 1000;
    if (!(seconds > 0)) return this.speed ?? 0;
    this.last = { bytes, atMs };
    const now = Math.min(Math.max(0, bytes - last.bytes) / seconds, Number.MAX_SAFE_INTEGER);
    const weight = 1 - Math.exp(-seconds / SPEED_MEMORY_SECONDS);
    // Until something moves there is nothing to average; the time spent listing must not drag the speed down.
    if (this.speed === null) this.speed = now > 0 ? now : null;
    else this.speed += weight * (now - this.speed);
    return this.speed ?? 0;
  }
}

function secondsLeft(bytesLeft: number, speed: number): number | null {
  if (bytesLeft <= 0) return 0;
  const seconds = Math.ceil(bytesLeft / speed);
  return seconds <= MAX_SECONDS_LEFT ? seconds : null;
}

/** Names of the files being transferred, for progress and, after a stop, for `possiblyPartial`. */
export function currentFiles(transferring: unknown): { name: string; percent: number }[] {
  if (!Array.isArray(transferring)) return [];
  return transferring
    .filter(isRecord)
    .flatMap(({ name, percentage }) =>
      typeof name === 'string' ? [{ name, percent: Math.min(100, Math.floor(count(percentage))) }] : [],
    )
    .slice(0, MAX_CURRENT);
}

/** A count out of statistics that may be absent or odd. */
export function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? Math.min(value, Number.MAX_SAFE_INTEGER) : 0;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
