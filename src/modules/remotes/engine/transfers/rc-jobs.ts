import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { RcConnectionError, RcError } from '../rc-client.js';
import type { TransferLog } from '../rc-log.js';
import type { RcloneProcess } from '../rclone-process.js';

const FIRST_POLL_MS = 20;
const POLL_MS = 500;
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
    private readonly process: RcloneProcess,
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
    for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(POLL_MS, pollMs * 2)) {
      await delay(pollMs, undefined, { signal: this.signal });
      const status = await this.call('job/status', { jobid });
      // After the status, so that the numbers of a finished job are its last. Without a group: for a group 1.60
      // reports no errors.
      if (onTick !== undefined) onTick(await this.call('core/stats', {}));
      if (status['finished'] !== true) continue;
      this.changing.delete(jobid);
      if (status['success'] !== true) throw new RcError(method, 500, String(status['error']));
      const { output } = status;
      return typeof output === 'object' && output !== null ? { ...output } : {};
    }
  }

  call(method: string, parameters: object): Promise<Answer> {
    return this.process.call(method, parameters, { signal: this.signal });
  }

  /** Statistics begin at 0 again. */
  async resetStatistics(): Promise<void> {
    await this.call('core/stats-reset', {});
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
          await delay(FIRST_POLL_MS);
        }
      }
    } catch {
      // Out of time, or gone already.
    }
    return stats;
  }
}
