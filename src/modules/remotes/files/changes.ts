import type { RemotePart } from '../engine/transfer-engine.js';
import { ROOT, type RemotePath, comparisonKey, displayPath, parseRemotePath } from '../remote-path.js';
import type { RemoteFilesChanged } from '../remotes.events.js';

/** A remote, and those it is made of (alias, crypt, union, combine), of which it shows the files. */
export interface MadeOf {
  readonly remoteId: string;
  readonly partIds: readonly string[];
}

/** All remotes that `parts` are made of, in turn. */
export function idsOf(parts: readonly RemotePart[]): string[] {
  return parts.flatMap(({ remote }) => [remote.id, ...idsOf(remote.parts)]);
}

/** A message of the hub must stay small on every transport. */
const MAX_MESSAGE_PATH_BYTES = 1_000;

/**
 * Files of a remote that were written, renamed or deleted: at `path` or anywhere below it. Compared without regard
 * to case and composition, because storages differ in whether they tell these apart; to forget too much costs one
 * look.
 */
export class Changes {
  private readonly ids: ReadonlySet<string>;
  private readonly folder: string;

  constructor(private readonly message: RemoteFilesChanged) {
    this.ids = new Set([message.remoteId, ...(message.partIds ?? [])]);
    this.folder = keyOf(message.path ?? displayPath(ROOT));
  }

  /** As a message: a path too long for one is replaced by a folder above it. */
  static at({ remoteId, partIds }: MadeOf, path: RemotePath): RemoteFilesChanged {
    let told: string = path;
    while (Buffer.byteLength(told) > MAX_MESSAGE_PATH_BYTES)
      told = told.slice(0, Math.max(told.lastIndexOf('/'), 0));
    return { remoteId, path: displayPath(parseRemotePath(told)), partIds: [...partIds] };
  }

  /** Whether what was seen in the folder `path` may be another now. */
  touch(seen: MadeOf, path: RemotePath): boolean {
    if (seen.remoteId === this.message.remoteId) {
      const key = keyOf(displayPath(path));
      return isBelow(key, this.folder) || isBelow(this.folder, key);
    }
    // One is made of the other, or both of a third: under which path it shows there is the storage's secret.
    return [seen.remoteId, ...seen.partIds].some((id) => this.ids.has(id));
  }
}

/** With a slash at its end, so that no name counts as the beginning of another. */
const keyOf = (path: string): string =>
  `${comparisonKey(path).toUpperCase().toLowerCase()}/`.replace('//', '/');
const isBelow = (key: string, folder: string): boolean => key.startsWith(folder);
