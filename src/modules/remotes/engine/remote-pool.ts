import { createHash } from 'node:crypto';
import { RcConnectionError } from './rc-client.js';
import type { RcloneProcess } from './rclone-process.js';
import { type EngineRemote, TransferError } from './transfer-engine.js';

interface Entry {
  readonly remoteId: string;
  readonly process: Promise<RcloneProcess>;
  users: number;
  idle: NodeJS.Timeout | null;
}

/** A process that is used until `release`. */
export interface Hold {
  readonly process: RcloneProcess;
  /** To be called once. `broken`: it answers no more, so that nobody else is given it. */
  release(broken?: boolean): void;
}

export interface PoolLimits {
  /** Processes that are kept when nobody uses them. */
  kept: number;
  /** Processes at one time; beyond `kept` only while all are in use. */
  most: number;
  /** How long an unused one is kept. */
  idleMs: number;
  /** How long to wait for one while all are in use. */
  waitMs: number;
}

/**
 * Keeps an rclone per remote alive between uses, because a warm one answers fifty times faster.
 *
 * Guarantees: never more than `most` processes, of which at most `kept` idle, the least recently used going first;
 * one that was idle for `idleMs` is killed; one that died is replaced at the next use; one whose remote has been
 * changed since is used no more, except to the end by those who hold it. While all are in use, further remotes wait.
 */
export class RemotePool {
  /** Insertion order is the order of last use. */
  private readonly entries = new Map<string, Entry>();
  /** Used to the end by those who hold them, and by nobody else. */
  private readonly retired = new Set<Entry>();
  private waiting: (() => void)[] = [];
  private closed = false;

  constructor(
    /** Must return a process that serves the remote. */
    private readonly start: (remote: EngineRemote) => Promise<RcloneProcess>,
    private readonly limits: PoolLimits,
  ) {}

  /**
   * Runs `work` with a process that serves `remote`. With `again` once more, with another process, if it turns out
   * to be dead: for work that only looks. Throws what starting or `work` throws.
   */
  async use<T>(
    remote: EngineRemote,
    work: (process: RcloneProcess) => Promise<T>,
    { again = false }: { again?: boolean } = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const { process, release } = await this.hold(remote);
      let broken = false;
      try {
        return await work(process);
      } catch (error) {
        if (!(error instanceof RcConnectionError)) throw error;
        // Dead or deaf: in neither case of use to the next one.
        broken = true;
        const dead = (await process.hasEnded()) !== null;
        if (!dead || !again || attempt > 1) throw error;
      } finally {
        release(broken);
      }
    }
  }

  /** A process that serves `remote`, for work that ends later than the call that began it. */
  async hold(remote: EngineRemote): Promise<Hold> {
    const key = fingerprint(remote);
    const entry = await this.take(key, remote);
    try {
      const process = await entry.process;
      return { process, release: (broken = false) => this.release(key, entry, broken) };
    } catch (error) {
      this.release(key, entry, true);
      throw error;
    }
  }

  /** Kills every process and refuses further use. */
  async close(): Promise<void> {
    this.closed = true;
    this.wake();
    const all = [...this.entries.values(), ...this.retired];
    this.entries.clear();
    for (const { idle } of all) if (idle !== null) clearTimeout(idle);
    await Promise.all(all.map(end));
  }

  private async take(key: string, remote: EngineRemote): Promise<Entry> {
    const deadline = performance.now() + this.limits.waitMs;
    for (;;) {
      if (this.closed) throw new TransferError('unavailable', 'The file engine is shut down.');
      const known = this.entries.get(key);
      if (known !== undefined) return this.occupy(key, known);
      for (const [old, entry] of this.entries) if (entry.remoteId === remote.id) this.retire(old, entry);
      if (this.entries.size + this.retired.size >= this.limits.kept) this.retireOldestIdle();
      if (this.entries.size + this.retired.size < this.limits.most)
        return this.occupy(key, this.add(key, remote));
      if (performance.now() >= deadline)
        throw new TransferError('temporary', 'Too many remotes are in use at once. Try again later.');
      await this.change(deadline - performance.now());
    }
  }

  private add(key: string, remote: EngineRemote): Entry {
    const entry: Entry = { remoteId: remote.id, process: this.start(remote), users: 0, idle: null };
    const gone = (): void => this.forget(key, entry);
    entry.process.then(({ exited }) => exited.then(gone), gone);
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

  private release(key: string, entry: Entry, broken: boolean): void {
    entry.users--;
    const current = this.entries.get(key) === entry;
    if (current && broken) this.retire(key, entry);
    else if (entry.users === 0 && this.retired.has(entry)) void end(entry);
    else if (entry.users === 0 && current && this.entries.size > this.limits.kept) this.retire(key, entry);
    else if (entry.users === 0 && current) {
      entry.idle = setTimeout(() => this.retire(key, entry), this.limits.idleMs);
      entry.idle.unref();
    }
    this.wake();
  }

  private retireOldestIdle(): void {
    const oldest = [...this.entries].find(([, { users }]) => users === 0);
    if (oldest !== undefined) this.retire(...oldest);
  }

  /** Nobody is given it from now on; it ends with its last user. It counts until it is gone. */
  private retire(key: string, entry: Entry): void {
    if (entry.idle !== null) clearTimeout(entry.idle);
    entry.idle = null;
    if (this.entries.get(key) === entry) this.entries.delete(key);
    this.retired.add(entry);
    if (entry.users === 0) void end(entry);
  }

  private forget(key: string, entry: Entry): void {
    if (entry.idle !== null) clearTimeout(entry.idle);
    if (this.entries.get(key) === entry) this.entries.delete(key);
    this.retired.delete(entry);
    this.wake();
  }

  private change(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, withinMs);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private wake(): void {
    const waiting = this.waiting;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}

async function end({ process }: Entry): Promise<void> {
  try {
    await (await process).kill();
  } catch {
    // It never started; whoever asked for it has been told.
  }
}

/** The same for the same remote made of the same, secrets included; says nothing about them. */
function fingerprint(remote: EngineRemote): string {
  return createHash('sha256').update(JSON.stringify(remote)).digest('base64');
}
