import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { type EngineRemote, type FileEntry, FileNotFound } from '../engine/transfer-engine.js';
import { FileAccess } from '../files/file-access.js';
import { FileListings } from '../files/file-listings.js';
import { fileProblem, noFolderAt } from '../files/file-problem.js';
import type { PathFilter } from '../permissions/path-rules.js';
import { type RemotePath, baseName, displayPath, parseRemotePath } from '../remote-path.js';
import { manifestOf, versionsOf } from './backup-layout.js';
import { instantOf } from './backup-stamp.js';
import type { BackupList, BackupsQuery, BackupView } from './backups.schema.js';

/** Folders looked into at the same time, and in all: a folder of backups holds few. */
const AT_ONCE = 4;
const MOST = 200;

/** Backups as they lie on a remote, whoever has made them; remembered for 60 s like every listing. */
@Injectable()
export class BackupsService {
  constructor(
    private readonly access: FileAccess,
    private readonly listings: FileListings,
  ) {}

  /** What the folder itself or the folders in it are, as far as the actor may read them. 404 `file_not_found`. */
  async list(actor: UserActor, id: string, query: BackupsQuery): Promise<BackupList> {
    const path = parseRemotePath(query.path ?? '/');
    const { remote, filter } = await this.access.look(actor, id);
    if (filter?.shows(path, true) === false) throw noFolderAt(path);
    const entries = await this.entries(remote, path);
    if (entries === null) throw noFolderAt(path);
    const own = await this.backupAt(remote, path, filter);
    if (own) return { items: [own] };
    const folders = entries
      .filter((entry) => entry.isDir && filter?.shows(entry.path, true) !== false)
      .slice(0, MOST);
    const items: BackupView[] = [];
    for (let at = 0; at < folders.length; at += AT_ONCE) {
      const some = folders.slice(at, at + AT_ONCE);
      const found = await Promise.all(some.map((folder) => this.backupAt(remote, folder.path, filter)));
      items.push(...found.filter((backup) => backup !== null));
    }
    return { items };
  }

  /** Null where no version is. */
  private async backupAt(
    remote: EngineRemote,
    path: RemotePath,
    filter: PathFilter | null,
  ): Promise<BackupView | null> {
    const entries = (await this.entries(remote, versionsOf(path))) ?? [];
    const shown = entries.filter((entry) => !entry.isDir && filter?.shows(entry.path, false) !== false);
    const versions = shown.flatMap(({ name }) => {
      const manifest = manifestOf(name);
      const createdAt = manifest && instantOf(manifest.stamp)?.toISOString();
      if (!manifest || createdAt === undefined || createdAt === null) return [];
      const { stamp: version, jobId, files, bytes } = manifest;
      return [{ version, createdAt, jobId, files, bytes }];
    });
    if (versions.length === 0) return null;
    return { name: baseName(path), path: displayPath(path), versions: versions.toReversed() };
  }

  private async entries(remote: EngineRemote, path: RemotePath): Promise<readonly FileEntry[] | null> {
    try {
      return await this.listings.list(remote, path);
    } catch (error) {
      if (error instanceof FileNotFound) return null;
      throw fileProblem(error);
    }
  }
}
