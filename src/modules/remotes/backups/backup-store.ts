import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { UserError } from '../../../kernel/http/index.js';
import {
  type EngineRemote,
  type FileEntry,
  FileNotFound,
  type TransferEngine,
} from '../engine/transfer-engine.js';
import { ROOT, type RemotePath, parseRemotePath } from '../remote-path.js';
import {
  byAge,
  currentOf,
  folderOf,
  manifestName,
  manifestOf,
  versionsOf,
  type ManifestName,
  type VersionFolder,
} from './backup-layout.js';

/** Folders listed at the same time. */
const AT_ONCE = 4;

/** A file relative to the folder that was looked through. */
export interface KeptFile {
  readonly path: RemotePath;
  readonly size: number;
  readonly modifiedAt: string;
}

export interface Versions {
  /** The oldest first. */
  readonly folders: readonly VersionFolder[];
  /** The oldest first. */
  readonly manifests: readonly ManifestName[];
}

/** One backup as it lies on its remote. Throws what the engine throws. */
export class BackupStore {
  constructor(
    readonly engine: TransferEngine,
    readonly remote: EngineRemote,
    readonly root: RemotePath,
  ) {}

  async versions(): Promise<Versions> {
    const entries = await this.entries(versionsOf(this.root));
    const known = <T>(isDir: boolean, read: (name: string) => T | null): T[] =>
      entries.flatMap((entry) => (entry.isDir === isDir ? (read(entry.name) ?? []) : []));
    return {
      folders: known(true, folderOf).toSorted(byAge),
      manifests: known(false, manifestOf).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    };
  }

  /** What `current` has, written down as the version. */
  async writeManifest(stamp: string, jobId: string, signal: AbortSignal): Promise<ManifestName> {
    const files = await this.filesIn(currentOf(this.root), signal);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const facts = { stamp, files: files.length, bytes, jobId };
    const manifest = { ...facts, name: manifestName(facts) };
    const lines = files.map((file) => `${JSON.stringify(file)}\n`);
    await this.engine.write(this.remote, versionsOf(this.root, manifest.name), Readable.from(lines), signal);
    return manifest;
  }

  /** The version is none until it is written down anew. */
  async removeManifests(stamp: string): Promise<void> {
    const { manifests } = await this.versions();
    for (const { name } of manifests.filter((one) => one.stamp === stamp))
      await this.remove(versionsOf(this.root, name));
  }

  /** The names in it. Refuses one that was not written to its end. */
  async readManifest({ name, files }: ManifestName): Promise<Set<RemotePath>> {
    const content = await this.engine.read(this.remote, versionsOf(this.root, name), null);
    const paths = new Set<RemotePath>();
    try {
      for await (const line of createInterface({ input: content, crlfDelay: Infinity }))
        if (line !== '') paths.add(parseRemotePath((JSON.parse(line) as KeptFile).path));
    } catch (error) {
      throw new UserError(422, 'version_damaged', `The manifest ${name} cannot be read: ${String(error)}`);
    }
    if (paths.size !== files)
      throw new UserError(
        422,
        'version_damaged',
        `The manifest ${name} names ${paths.size} of ${files} files.`,
      );
    return paths;
  }

  /** Every file below a folder, in the order of their paths; none where there is no such folder. */
  async filesIn(folder: RemotePath, signal: AbortSignal): Promise<KeptFile[]> {
    const found: KeptFile[] = [];
    const below = folder === ROOT ? 0 : folder.length + 1;
    let level: RemotePath[] = [folder];
    while (level.length > 0) {
      const next: RemotePath[] = [];
      for (let at = 0; at < level.length; at += AT_ONCE) {
        signal.throwIfAborted();
        const lists = await Promise.all(level.slice(at, at + AT_ONCE).map((one) => this.entries(one)));
        for (const { path, isDir, size, modifiedAt } of lists.flat())
          if (isDir) next.push(path);
          else found.push({ path: parseRemotePath(path.slice(below)), size: size ?? 0, modifiedAt });
      }
      level = next;
    }
    return found.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** One that is gone already is no error. */
  async remove(path: RemotePath): Promise<void> {
    try {
      await this.engine.remove(this.remote, path);
    } catch (error) {
      if (!(error instanceof FileNotFound)) throw error;
    }
  }

  private async entries(folder: RemotePath): Promise<FileEntry[]> {
    try {
      return await this.engine.list(this.remote, folder);
    } catch (error) {
      if (error instanceof FileNotFound) return [];
      throw error;
    }
  }
}
