import type { FileEntry } from '../engine/transfer-engine.js';
import type { RemotePath } from '../remote-path.js';
import { Changes, type MadeOf } from './changes.js';

/** How long a listing is shown again (S1-34). */
const LIFE_MS = 60_000;
/** Files and folders remembered in all; an entry is about 300 bytes. */
const MAX_ENTRIES = 100_000;

interface Listing {
  readonly key: ListingKey;
  readonly atMs: number;
  readonly entries: Promise<readonly FileEntry[]>;
  size: number;
}

/** Which listing: an edited remote has another version, so that nothing of its old root is shown. */
export interface ListingKey extends MadeOf {
  readonly version: number;
  readonly path: RemotePath;
}

/**
 * Listings of this process for 60 seconds, in the order of their names (S1-34). Who asks at the same time shares
 * one look; a look that failed is not remembered. It knows nothing of people: whoever shows entries to somebody
 * leaves out what that person may not see.
 *
 * `forget` also covers looks that are under way: they are answered to those who wait for them and to nobody else.
 */
export class ListingCache {
  private readonly listings = new Map<string, Listing>();
  private total = 0;

  constructor(private readonly nowMs: () => number = () => performance.now()) {}

  get(key: ListingKey, look: () => Promise<FileEntry[]>): Promise<readonly FileEntry[]> {
    const name = JSON.stringify([key.remoteId, key.version, key.path]);
    const known = this.listings.get(name);
    if (known && this.nowMs() - known.atMs < LIFE_MS) return known.entries;
    if (known) this.drop(name, known);
    const listing: Listing = {
      key,
      atMs: this.nowMs(),
      entries: look().then((entries) => entries.toSorted(byName)),
      size: 1,
    };
    this.listings.set(name, listing);
    this.total += 1;
    listing.entries.then(
      ({ length }) => this.weigh(name, listing, length),
      () => this.drop(name, listing),
    );
    return listing.entries;
  }

  /** The folder that changed, all above it (it may be new in them) and all below it. */
  forget(changes: Changes): void {
    for (const [name, listing] of this.listings)
      if (changes.touch(listing.key, listing.key.path)) this.drop(name, listing);
  }

  clear(): void {
    this.listings.clear();
    this.total = 0;
  }

  private weigh(name: string, listing: Listing, length: number): void {
    if (this.listings.get(name) !== listing) return;
    listing.size += length;
    this.total += length;
    for (const [oldName, old] of this.listings) {
      if (this.total <= MAX_ENTRIES) return;
      this.drop(oldName, old);
    }
  }

  private drop(name: string, listing: Listing): void {
    if (this.listings.get(name) !== listing) return;
    this.listings.delete(name);
    this.total -= listing.size;
  }
}

/**
 * By code units: the order must be the same on every page and every machine, which a language's is not. Some
 * storages have several files of one name; what else is known of them keeps those in order.
 */
function byName(a: FileEntry, b: FileEntry): number {
  return compare(a.name, b.name) || compare(a.modifiedAt, b.modifiedAt) || (a.size ?? -1) - (b.size ?? -1);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
