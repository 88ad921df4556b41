import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { RcConnectionError, RcError } from '../rc-client.js';
import type { TransferLog } from '../rc-log.js';
import type { RcloneProcess } from '../rclone-process.js';

/**
 * A call is asked after when a thirtieth of its time has passed again: its end is noticed while it is news, and what
 * takes hours is asked after twice a second.
 */
const POLL = { part: 1 / 30, leastMs: 2, mostMs: 500 };
/** The same for its statistics, which tell how far it is. */
const TICK = { part: 1 / 2, leastMs: 20, mostMs: 500 };
/** While rclone removes what it was writing. */
const STOP_POLL_MS = 20;
/** rclone writes its log before it answers; the rest is the time the lines need to get here. */
const LOG_LIMIT_MS = 10_000;

type Answer = Record<string, unknown>;

/**
 * Long calls of one rclone as jobs that can be followed and stopped. A plain call would be cut after its time
 * limit, and could not be ended without ending rclone.
 */
export class RcJobs {
  private readonly changing = new Set<number>();

  constructor(
    private readonly process: Pick<RcloneProcess, 'call'>,
    private readonly signal: AbortSignal,
  ) {}

  /** Something is being written or deleted. */
  get isChanging(): boolean {
    return this.changing.size > 0;
  }

  /**
   * Runs `method` to its end and returns what it answers. `onTick` gets the statistics about twice a second, the
   * last of them after the end. `changes`: it writes or deletes, so `stop` must wait for it. Throws `RcError` with
   * rclone's text, `RcConnectionError`, or an AbortError.
   */
  async run(
    method: string,
    parameters: object,
    { changes = false, onTick }: { changes?: boolean; onTick?: (stats: Answer) => void } = {},
  ): Promise<Answer> {
    const { jobid } = await this.call(method, { ...parameters, _async: true });
    if (typeof jobid !== 'number') throw new RcConnectionError(method, 'it has no job number');
    if (changes) this.changing.add(jobid);
    const began = performance.now();
    for (let elapsed = 0, ticked = 0; ; elapsed = performance.now() - began) {
      await delay(pause(POLL, elapsed), undefined, { signal: this.signal });
      const status = await this.call('job/status', { jobid });
      const finished = status['finished'] === true;
      const failed = finished && status['success'] !== true;
      // After the status, so that the numbers of a finished job are its last.
      if (onTick !== undefined && (finished || elapsed - ticked >= pause(TICK, elapsed))) {
        ticked = elapsed;
        onTick(await this.statistics(jobid, failed));
      }
      if (!finished) continue;
      this.changing.delete(jobid);
      if (failed) throw new RcError(method, 500, String(status['error']));
      const { output } = status;
      return typeof output === 'object' && output !== null ? { ...output } : {};
    }
  }

  call(method: string, parameters: object): Promise<Answer> {
    return this.process.call(method, parameters, { signal: this.signal });
  }

  /**
   * Of one call. The sum of all calls of the process leaves out the files that wait (1.60), so that nothing would be
   * known of how many there are; but only there are errors counted.
   */
  private async statistics(jobid: number, failed: boolean): Promise<Answer> {
    const own = await this.call('core/stats', { group: `job/${jobid}` });
    if (!failed) return own;
    const { fatalError } = await this.call('core/stats', {});
    return { ...own, fatalError };
  }

  /** Statistics begin at 0 again. */
  async resetStatistics(): Promise<void> {
    await this.call('core/stats-reset', {});
  }

  /** No more lines about files that went well. False where this rclone does not let its log be changed. */
  async quieten(): Promise<boolean> {
    try {
      await this.call('options/set', { main: { LogLevel: 'NOTICE' } });
      return true;
    } catch (error) {
      if (error instanceof RcError) return false;
      throw error;
    }
  }

  /**
   * Everything rclone has logged until now has been read when this returns. Its log and its answers come by
   * different ways; so it is made to log a line that nothing else logs.
   */
  async settle(log: TransferLog): Promise<void> {
    const mark = randomUUID();
    const reached = log.reaches(mark);
    await this.call('rc/error', { mark }).catch((error: unknown) => {
      if (!(error instanceof RcError)) throw error;
    });
    const late = new AbortController();
    const limit = delay(LOG_LIMIT_MS, true, { signal: late.signal }).catch(() => false);
    const isLate = await Promise.race([reached.then(() => false), limit]);
    late.abort();
    if (isLate) throw new RcConnectionError('its log', `silent for ${LOG_LIMIT_MS} ms`);
  }

  /**
   * Asks rclone to stop what changes anything, so that it removes what it was writing, and waits for that within
   * the limit. Returns the last statistics before. Never throws: whatever does not answer is killed next.
   */
  async stop(limitMs: number): Promise<Answer | null> {
    const deadline = performance.now() + limitMs;
    const ask = (method: string, parameters: object): Promise<Answer> =>
      this.process.call(method, parameters, { timeoutMs: Math.max(1, deadline - performance.now()) });
    if (this.changing.size === 0) return null;
    let stats: Answer | null = null;
    try {
      // The files under way are known only before the stop.
      stats = await ask('core/stats', {});
      for (const jobid of this.changing) {
        await ask('job/stop', { jobid });
        while ((await ask('job/status', { jobid }))['finished'] !== true) {
          if (performance.now() >= deadline) return stats;
          await delay(STOP_POLL_MS);
        }
      }
    } catch {
      // Out of time, or gone already.
    }
    return stats;
  }
}

/** How long to wait after so much time, all in milliseconds. */
const pause = ({ part, leastMs, mostMs }: typeof POLL, elapsedMs: number): number =>
  Math.min(mostMs, Math.max(leastMs, elapsedMs * part));
