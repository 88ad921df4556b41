import { RcConnectionError } from './rc-client.js';
import type { RcloneProcess } from './rclone-process.js';
import { type EngineRemote, TransferError } from './transfer-engine.js';

interface Entry {
  process: Promise<RcloneProcess>;
  users: number;
  idle: NodeJS.Timeout | null;
}

/**
 * Keeps an rclone per remote alive between look-ups, because a warm one answers fifty times faster.
 *
 * Guarantees: at most `max` processes, the least recently used idle one makes room; a process that was idle for
 * `idleMs` is killed; one that died is replaced at the next use. While all are busy, further remotes wait.
 */
export class RemotePool {
  /** Insertion order is the order of last use. */
  private readonly entries = new Map<string, Entry>();
  private waiting: (() => void)[] = [];
  private closed = false;

  constructor(
    /** Must return a process that serves the remote. */
    private readonly start: (remote: EngineRemote) => Promise<RcloneProcess>,
    private readonly limits: { max: number; idleMs: number },
  ) {}

  /**
   * Runs `work` with a process that serves `remote`, and once more with another one if the process turns out to be
   * dead, so `work` must only look. Throws what starting or `work` throws.
   */
  async use<T>(remote: EngineRemote, work: (process: RcloneProcess) => Promise<T>): Promise<T> {
    const key = JSON.stringify([remote.id, remote.type, remote.root]);
    for (let attempt = 1; ; attempt++) {
      const entry = await this.take(key, remote);
      try {
        return await work(await entry.process);
      } catch (error) {
        if (!(error instanceof RcConnectionError)) throw error;
        // Dead or deaf: in neither case of use to the next one.
        const dead = (await (await entry.process).hasEnded()) !== null;
        await this.remove(key, entry);
        if (!dead || attempt > 1) throw error;
      } finally {
        this.release(key, entry);
      }
    }
  }

  /** Kills every process and refuses further use. */
  async close(): Promise<void> {
    this.closed = true;
    this.wake();
    await Promise.all([...this.entries].map(([key, entry]) => this.remove(key, entry)));
  }

  private async take(key: string, remote: EngineRemote): Promise<Entry> {
    for (;;) {
      if (this.closed) throw new TransferError('unavailable', 'The file engine is shut down.');
      const known = this.entries.get(key);
      if (known !== undefined) return this.occupy(key, known);
      if (this.entries.size < this.limits.max) return this.occupy(key, this.add(key, remote));
      const oldest = [...this.entries].find(([, { users }]) => users === 0);
      if (oldest !== undefined) await this.remove(...oldest);
      else await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private add(key: string, remote: EngineRemote): Entry {
    const entry: Entry = { process: this.start(remote), users: 0, idle: null };
    const drop = (): void => this.drop(key, entry);
    entry.process.then(({ exited }) => exited.then(drop), drop);
    return entry;
  }

  private occupy(key: string, entry: Entry): Entry {
    if (entry.idle !== null) clearTimeout(entry.idle);
    entry.idle = null;
    entry.users++;
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry;
  }

  private release(key: string, entry: Entry): void {
    entry.users--;
    if (entry.users === 0 && this.entries.get(key) === entry) {
      entry.idle = setTimeout(() => void this.remove(key, entry), this.limits.idleMs);
      entry.idle.unref();
    }
    this.wake();
  }

  /** Forgets the entry at once, so that nobody takes it, and ends its process. */
  private async remove(key: string, entry: Entry): Promise<void> {
    this.drop(key, entry);
    try {
      await (await entry.process).kill();
    } catch {
      // It never started; whoever asked for it has been told.
    }
  }

  private drop(key: string, entry: Entry): void {
    if (entry.idle !== null) clearTimeout(entry.idle);
    if (this.entries.get(key) === entry) this.entries.delete(key);
    this.wake();
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
