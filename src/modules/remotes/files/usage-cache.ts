import type { Usage } from '../engine/transfer-engine.js';
import type { MadeOf } from './changes.js';

/** Asking a cloud how full it is can take seconds and counts against its limits. */
const LIFE_MS = 5 * 60_000;
const MAX_REMOTES = 10_000;

export interface UsageKey extends MadeOf {
  readonly version: number;
}

interface Known {
  readonly key: UsageKey;
  readonly atMs: number;
  readonly usage: Promise<Usage>;
  isLooking: boolean;
}

/**
 * How full remotes are, for five minutes in this process. Who asks while somebody is looking shares that look, also
 * who asks for a fresh one; a look that failed is not remembered.
 */
export class UsageCache {
  private readonly known = new Map<string, Known>();

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  get(key: UsageKey, fresh: boolean, look: () => Promise<Usage>): Promise<Usage> {
    const known = this.known.get(key.remoteId);
    const usable = known?.key.version === key.version && this.nowMs() - known.atMs < LIFE_MS;
    if (known && usable && (known.isLooking || !fresh)) return known.usage;
    const found: Known = { key, atMs: this.nowMs(), usage: look(), isLooking: true };
    this.known.delete(key.remoteId);
    this.known.set(key.remoteId, found);
    found.usage.then(
      () => (found.isLooking = false),
      () => this.drop(found),
    );
    const [oldest] = this.known.values();
    if (oldest && this.known.size > MAX_REMOTES) this.drop(oldest);
    return found.usage;
  }

  /** Of these remotes, and of those that are made of one of them. */
  forget(ids: readonly string[]): void {
    for (const one of this.known.values())
      if ([one.key.remoteId, ...one.key.partIds].some((id) => ids.includes(id))) this.drop(one);
  }

  clear(): void {
    this.known.clear();
  }

  private drop(one: Known): void {
    if (this.known.get(one.key.remoteId) === one) this.known.delete(one.key.remoteId);
  }
}
