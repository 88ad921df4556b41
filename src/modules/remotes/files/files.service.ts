import { Injectable } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database, type Page } from '../../../kernel/database/index.js';
import { Idempotency, UserError, type OnceRequest } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { type EngineRemote, TransferEngine, TransferError } from '../engine/transfer-engine.js';
import type { PathFilter } from '../permissions/path-rules.js';
import { ROOT, type RemotePath, baseName, displayPath, parseRemotePath } from '../remote-path.js';
import { FileAccess } from './file-access.js';
import { FileListings } from './file-listings.js';
import { isFolder, noFolderAt, nothingAt } from './file-problem.js';
import { toFileView } from './file.view.js';
import type { FilesQuery, FileView, NewFolderBody, PathQuery, RenameBody } from './files.schema.js';
import { pageOfFolder } from './page-token.js';

/**
 * Single files and folders of a remote, as people work with them. What somebody may not read is left out of listings
 * and is 404 `file_not_found` when asked for; what may not be changed is 403 before anything is looked at. Changes
 * are audited once they are done and seen in listings at once.
 *
 * The storage's own troubles are 503 with `Retry-After` (it may pass), 507 `storage_full`, 409 `remote_auth_error`.
 */
@Injectable()
export class FilesService {
  constructor(
    private readonly database: Database,
    private readonly access: FileAccess,
    private readonly engine: TransferEngine,
    private readonly listings: FileListings,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
  ) {}

  /** One folder, by name. */
  async list(actor: UserActor, id: string, query: FilesQuery): Promise<Page<FileView>> {
    const path = parseRemotePath(query.path);
    const { remote, filter } = await this.access.look(actor, id);
    if (!shows(filter, path, true)) throw noFolderAt(path);
    const entries = await this.access
      .asked(remote, () => this.listings.list(remote, path))
      .catch((error: unknown) => {
        throw isMissing(error) ? noFolderAt(path) : error;
      });
    const { items, nextCursor } = pageOfFolder(entries, query, (entry) =>
      shows(filter, entry.path, entry.isDir),
    );
    return { items: items.map(toFileView), nextCursor };
  }

  async stat(actor: UserActor, id: string, query: PathQuery): Promise<FileView> {
    const path = parseRemotePath(query.path);
    const { remote, filter } = await this.access.look(actor, id);
    if (!shows(filter, path, true) && !shows(filter, path, false)) throw nothingAt(path);
    const entry = await this.access.asked(remote, () => this.engine.stat(remote, path));
    if (!entry || !shows(filter, path, entry.isDir)) throw nothingAt(path);
    return toFileView(entry);
  }

  /** Also when it is there already. 409 `file_exists` where a file stands in the way; 422 where folders cannot be empty. */
  async makeFolder(
    actor: UserActor,
    id: string,
    body: NewFolderBody,
    once: OnceRequest | null,
  ): Promise<FileView> {
    const path = parseRemotePath(body.path);
    const remote = await this.access.demand(actor, id, ['write', path]);
    const made = await this.changing(remote, path, async () => {
      await this.engine.makeFolder(remote, path);
      const there = await this.engine.stat(remote, path);
      if (!there) throw noFolderAt(path);
      return there;
    });
    // Making it once more does no harm, so a repeated request needs no protection until here.
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => {
        const details = { path: displayPath(path) };
        const resource = { type: 'remote', id };
        await this.audit.record(tx, { actor, action: 'remote.folder_create', resource, details });
        return toFileView(made);
      }),
    );
  }

  /** One file, or a folder with nothing in it: 409 `folder_not_empty` otherwise. */
  async delete(actor: UserActor, id: string, query: PathQuery): Promise<void> {
    const path = parseRemotePath(query.path);
    const remote = await this.access.demand(actor, id, ['delete', path]);
    if (path === ROOT)
      throw UserError.conflict('is_the_root', 'The root of a remote stays; delete what is in it by a job.');
    await this.changing(remote, path, async () => {
      try {
        await this.engine.remove(remote, path);
      } catch (error) {
        throw error instanceof TransferError && error.kind === 'exists' ? notEmpty() : error;
      }
    });
    await this.record(actor, id, 'remote.file_delete', { path: displayPath(path) });
  }

  /**
   * One file, to a path where nothing is (409 `file_exists`). Its content can be read at the new path, so it must be
   * the actor's to read at the old one.
   */
  async rename(actor: UserActor, id: string, body: RenameBody): Promise<FileView> {
    const [from, to] = [parseRemotePath(body.from), parseRemotePath(body.to)];
    const remote = await this.access.demand(actor, id, ['read', from], ['delete', from], ['write', to]);
    if (from === to) throw UserError.field('/to', 'same', 'is where the file is already');
    if (from === ROOT || to === ROOT)
      throw UserError.conflict('is_the_root', 'This is the root of the remote.');
    const entry = await this.changing(remote, from, async () => {
      const found = await this.engine.stat(remote, from);
      if (!found) throw nothingAt(from);
      if (found.isDir) throw isFolder('move folders with a job of the type move');
      await this.changing(remote, to, () => this.engine.rename(remote, from, to));
      return found;
    });
    await this.record(actor, id, 'remote.file_rename', { from: displayPath(from), to: displayPath(to) });
    return toFileView({ ...entry, path: to, name: baseName(to) });
  }

  /** What happened to an attempt that failed in the middle is the storage's secret, so listings are old then, too. */
  private async changing<T>(remote: EngineRemote, path: RemotePath, change: () => Promise<T>): Promise<T> {
    try {
      return await this.access.asked(remote, change);
    } finally {
      this.listings.changed(remote.id, path, remote.parts);
    }
  }

  private async record(actor: UserActor, id: string, action: string, details: object): Promise<void> {
    const resource = { type: 'remote', id };
    await this.database
      .as(actor)
      .tx((tx) => this.audit.record(tx, { actor, action, resource, details: { ...details } }));
  }
}

/** The root is everybody's who may use the remote, even if nothing in it is. */
const shows = (filter: PathFilter | null, path: RemotePath, isDir: boolean): boolean =>
  filter === null || (path === ROOT && isDir) || filter.shows(path, isDir);

const isMissing = (error: unknown): boolean => error instanceof UserError && error.status === 404;

const notEmpty = (): UserError =>
  UserError.conflict(
    'folder_not_empty',
    'This folder is not empty; delete it with a job of the type delete.',
  );
