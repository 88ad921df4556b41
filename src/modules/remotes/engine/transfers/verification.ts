import { type RemotePath, ROOT, comparisonKey, joinRemotePath } from '../../remote-path.js';
import { isRecord } from '../progress.js';
import { isMissing } from '../rc-files.js';
import type { RcFilter } from '../rc-options.js';
import { MAX_FAILED_FILES, type Verification } from '../transfer-engine.js';
import type { RcPlace } from './places.js';

/** Checksums by how little they cost where more than one is in common. */
const PREFERRED = ['md5', 'sha1', 'crc32', 'sha256', 'quickxor', 'dropbox'];
/** Folders compared at once, each with one listing per side. */
const AT_ONCE = 2;

export interface Features {
  hashes: readonly string[];
  ignoresCase: boolean;
}

interface Found {
  name: string;
  isDir: boolean;
  size: number;
  hash: string;
}

type Call = (method: string, parameters: object) => Promise<Record<string, unknown>>;

export interface Comparison extends Verification {
  /** All there are, `differing` names the first. */
  differences: number;
  /** Compared by size although the sides have a checksum in common: one of the two files has none. */
  withoutChecksum: number;
}

/** What a remote can do, as `operations/fsinfo` tells it. */
export async function featuresOf(call: Call, fs: string): Promise<Features> {
  const { Hashes: hashes, Features: features } = await call('operations/fsinfo', { fs });
  return {
    hashes: Array.isArray(hashes) ? hashes.filter((hash) => typeof hash === 'string') : [],
    ignoresCase: isRecord(features) && features['CaseInsensitive'] === true,
  };
}

/** The checksum both sides have; null: only sizes can be compared. */
export function commonHash(a: Features, b: Features): string | null {
  const both = a.hashes.filter((hash) => b.hashes.includes(hash));
  return PREFERRED.find((hash) => both.includes(hash)) ?? both[0] ?? null;
}

/**
 * Compares what is at both sides now, by our own listings: rclone's comparison is part of its server only since
 * 1.65. Folder by folder, so that memory holds a few of them however many there are.
 */
export class SideComparison {
  private compared = 0;
  private differences = 0;
  private withoutChecksum = 0;
  private readonly differing: string[] = [];

  constructor(
    private readonly call: Call,
    private readonly how: {
      hash: string | null;
      ignoresCase: boolean;
      /** What only the destination has differs too. */
      bothWays: boolean;
      onProgress: (compared: number) => void;
    },
  ) {}

  async folders(source: RcPlace, destination: RcPlace, filter: RcFilter): Promise<Comparison> {
    const pending: RemotePath[] = [ROOT];
    while (pending.length > 0) {
      const now = pending.splice(-AT_ONCE);
      await Promise.all(
        now.map(async (folder) => {
          const [here, there] = await Promise.all(
            [source, destination].map((side) => this.list(side.fs + side.path, folder, filter)),
          );
          pending.push(...this.compareFolder(folder, here ?? [], there ?? []));
        }),
      );
      this.how.onProgress(this.compared);
    }
    return this.outcome();
  }

  async files(source: RcPlace, destination: RcPlace): Promise<Comparison> {
    const [here, there] = await Promise.all([source, destination].map((side) => this.look(side)));
    const name = source.path.slice(source.path.lastIndexOf('/') + 1);
    this.compareFile(name, here ?? null, there ?? null);
    this.how.onProgress(this.compared);
    return this.outcome();
  }

  /** The folders below it that are to be compared next. */
  private compareFolder(folder: RemotePath, here: Found[], there: Found[]): RemotePath[] {
    const others = new Map(there.map((entry) => [this.key(entry), entry]));
    const below: RemotePath[] = [];
    for (const entry of here) {
      const key = this.key(entry);
      const other = others.get(key) ?? null;
      others.delete(key);
      const path = folder === ROOT ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDir) below.push(joinRemotePath(folder, entry.name));
      else this.compareFile(path, entry, other);
    }
    if (!this.how.bothWays) return below;
    for (const entry of others.values()) {
      if (entry.isDir) below.push(joinRemotePath(folder, entry.name));
      else this.compareFile(folder === ROOT ? entry.name : `${folder}/${entry.name}`, null, entry);
    }
    return below;
  }

  private compareFile(path: string, here: Found | null, there: Found | null): void {
    this.compared++;
    // A negative size is one nobody knows.
    const sameSize =
      here !== null && there !== null && (here.size === there.size || Math.min(here.size, there.size) < 0);
    const bothHashed = sameSize && here.hash !== '' && there.hash !== '';
    if (sameSize && !bothHashed && this.how.hash !== null) this.withoutChecksum++;
    if (sameSize && (!bothHashed || here.hash === there.hash)) return;
    this.differences++;
    if (this.differing.length < MAX_FAILED_FILES) this.differing.push(path);
  }

  private outcome(): Comparison {
    const { compared, differences, differing, withoutChecksum, how } = this;
    const by = how.hash === null ? 'size' : 'checksum';
    return { by, compared, differing: differing.toSorted(), differences, withoutChecksum };
  }

  /** A name is one place in whatever form it is written, and a file and a folder never are. */
  private key({ name, isDir }: Found): string {
    const key = comparisonKey(name);
    return (isDir ? 'd' : 'f') + (this.how.ignoresCase ? key.toLowerCase() : key);
  }

  private async list(fs: string, folder: RemotePath, filter: RcFilter): Promise<Found[]> {
    try {
      const parameters = { fs, remote: folder, opt: this.options(), _filter: filter };
      const { list } = await this.call('operations/list', parameters);
      return Array.isArray(list) ? list.flatMap((item) => this.found(item) ?? []) : [];
    } catch (error) {
      if (isMissing(error) || /directory not found/.test(error instanceof Error ? error.message : ''))
        return [];
      throw error;
    }
  }

  private async look({ fs, path }: RcPlace): Promise<Found | null> {
    const { item } = await this.call('operations/stat', { fs, remote: path, opt: this.options() });
    const found = this.found(item);
    return found?.isDir === false ? found : null;
  }

  private options(): object {
    const { hash } = this.how;
    const cheap = { noModTime: true, noMimeType: true };
    return hash === null ? cheap : { ...cheap, showHash: true, hashTypes: [hash] };
  }

  private found(item: unknown): Found | null {
    if (!isRecord(item)) return null;
    const { Name: name, IsDir: isDir, Size: size, Hashes: hashes } = item;
    if (typeof name !== 'string' || typeof size !== 'number') return null;
    const hash = isRecord(hashes) && this.how.hash !== null ? hashes[this.how.hash] : '';
    return { name, isDir: isDir === true, size, hash: typeof hash === 'string' ? hash : '' };
  }
}
