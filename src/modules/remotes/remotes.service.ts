import { Injectable } from '@nestjs/common';
import type { Actor, UserActor } from '../../kernel/auth/index.js';
import { Settings } from '../../kernel/config/index.js';
import {
  Database,
  newId,
  toPage,
  violatedUnique,
  type Page,
  type Read,
  type Tx,
} from '../../kernel/database/index.js';
import {
  Idempotency,
  UserError,
  requireVersion,
  type OnceRequest,
  type Versioned,
} from '../../kernel/http/index.js';
import { AuditService } from '../audit/index.js';
import { RemoteChecks } from './checks/remote-checks.js';
import { type EngineRemote, TransferEngine, TransferError } from './engine/transfer-engine.js';
import { EngineRemotes } from './engine-remotes.js';
import { FileListings } from './file-listings.js';
import { localUsage } from './local-folder.js';
import type { RemotePartEntity } from './parts/remote-part.entity.js';
import { RemotePartsRepository } from './parts/remote-parts.repository.js';
import { RemoteConfigurations } from './remote-configurations.js';
import type { RemoteEntity } from './remote.entity.js';
import { parseRemotePath } from './remote-path.js';
import { toFileView, toRemoteView } from './remote.view.js';
import { remotesPolicy } from './remotes.policy.js';
import { RemotesRepository } from './remotes.repository.js';
import type {
  FilesQuery,
  FileView,
  NewRemoteBody,
  PartBody,
  RemoteChangesBody,
  RemotesQuery,
  RemoteView,
  UsageView,
} from './remotes.schema.js';
import { RenewedTokens } from './secrets/renewed-tokens.js';
import { transferProblem } from './transfer-problem.js';
import { remoteTypes } from './types/configuration.js';

/**
 * Configured places for files. Names are unique whatever their case (409 `remote_name_taken`). A remote the actor
 * may not use does not exist for it (404). Every change is audited in its own transaction; PATCH and DELETE need
 * the version that was read (412, 428). What is secret goes in and never comes out.
 *
 * Deleting is allowed unless another remote is made of it: jobs that name the remote fail visibly with 404 when they
 * run.
 */
@Injectable()
export class RemotesService {
  constructor(
    private readonly database: Database,
    private readonly remotes: RemotesRepository,
    private readonly parts: RemotePartsRepository,
    private readonly engine: TransferEngine,
    private readonly engineRemotes: EngineRemotes,
    private readonly configurations: RemoteConfigurations,
    private readonly checks: RemoteChecks,
    private readonly tokens: RenewedTokens,
    private readonly listings: FileListings,
    private readonly settings: Settings,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
  ) {}

  /** The actor becomes its owner; 403 for who may not make a remote of this type. Not to be reached is no failure. */
  async create(
    actor: UserActor,
    input: NewRemoteBody,
    once: OnceRequest | null,
  ): Promise<Versioned<RemoteView>> {
    if (!remotesPolicy.make(actor, input.type, this.settings.remotesMadeBy))
      throw placingForbidden(input.type);
    const id = newId();
    const draft = await this.configurations.ofNew(actor, id, actor.userId, input);
    const { read } = this.database.as(actor);
    const checked = await this.checks.lookIfPossible(await this.engineRemotes.ofDraft(read, draft));
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => {
        const { type, root, configuration, parts } = draft;
        const { name } = input;
        const columns = this.configurations.columnsOf(id, configuration);
        if (parts.length > 0) await this.parts.lockComposition(tx);
        const row = { id, ownerId: actor.userId, name, nameKey: nameKey(name), type, root, ...columns };
        await takenAsConflict(this.remotes.insert(tx, row));
        if (parts.length > 0) await this.compose(tx, id, parts);
        if (checked) await this.checks.record(tx, row, 1, checked);
        await this.audit.record(tx, {
          actor,
          action: 'remote.create',
          resource: { type: 'remote', id },
          details: {
            name,
            type,
            root,
            ...named('options', configuration.options),
            ...named('secrets', configuration.secrets),
            ...(parts.length > 0 && { parts: parts.map(({ remoteId }) => remoteId) }),
          },
        });
        return this.present(tx, actor, id);
      }),
    );
  }

  async list(actor: UserActor, query: RemotesQuery): Promise<Page<RemoteView>> {
    const ownerId = remotesPolicy.listOthers(actor) ? undefined : actor.userId;
    const { read } = this.database.as(actor);
    const rows = await this.remotes.page(read, { ...query, ownerId });
    const parts = await this.partsOf(read, rows);
    return toPage(rows, query.limit, (remote) => toRemoteView(remote, parts, actor));
  }

  async get(actor: Actor, id: string): Promise<Versioned<RemoteView>> {
    return this.present(this.database.as(actor).read, actor, id);
  }

  /** Null when there is none with this name, in whatever case, that the actor may use. */
  async findByName(actor: Actor, name: string): Promise<RemoteView | null> {
    const { read } = this.database.as(actor);
    const remote = await this.remotes.findByNameKey(read, nameKey(name));
    if (!remote || !remotesPolicy.access(actor, remote)) return null;
    return toRemoteView(remote, await this.partsOf(read, [remote]), actor);
  }

  async update(
    actor: Actor,
    id: string,
    expected: number | null,
    changes: RemoteChangesBody,
  ): Promise<Versioned<RemoteView>> {
    const { read } = this.database.as(actor);
    const seen = await this.visible(read, actor, id);
    const { name } = changes;
    if (changes.root !== undefined && !remotesPolicy.place(actor, seen.type))
      throw placingForbidden(seen.type);
    const sealed = (await this.remotes.sealedOf(read, [id])).get(id) ?? null;
    const parts = await this.partsOf(read, [seen]);
    // A stale version is told before its changes are judged by what is there now.
    if (expected !== null) requireVersion('remote', expected, seen.version);
    const draft = await this.configurations.ofChanged(actor, seen, parts, sealed, changes);
    const checked =
      draft && (await this.checks.lookIfPossible(await this.engineRemotes.ofDraft(read, draft)));
    return this.database.as(actor).tx(async (tx) => {
      // Before any row is locked: two that wait for each other's rows would both be ended.
      if (draft && changes.parts) await this.parts.lockComposition(tx);
      const before = visibleOr404(actor, await this.remotes.findForUpdate(tx, id));
      requireVersion('remote', expected, before.version);
      if (draft) requireVersion('remote', seen.version, before.version);
      if (name === undefined && !draft) return this.present(tx, actor, id);
      const now = (await this.remotes.sealedOf(tx, [id])).get(id) ?? null;
      await takenAsConflict(
        this.remotes.update(tx, id, {
          ...(name === undefined ? {} : { name, nameKey: nameKey(name) }),
          ...(draft && this.configurations.rowChanges(before, now, draft, changes)),
        }),
      );
      if (draft && changes.parts) await this.compose(tx, id, draft.parts);
      if (checked) await this.checks.record(tx, before, before.version + 1, checked);
      await this.audit.record(tx, {
        actor,
        action: 'remote.update',
        resource: { type: 'remote', id },
        details: {
          ...(name === undefined ? {} : { name: { from: before.name, to: name } }),
          ...(draft && changes.root !== undefined ? { root: { from: before.root, to: draft.root } } : {}),
          ...named('options', changes.options),
          ...named('secrets', changes.secrets),
          ...(draft && changes.parts ? { parts: draft.parts.map(({ remoteId }) => remoteId) } : {}),
        },
      });
      return this.present(tx, actor, id);
    });
  }

  /** 409 `remote_in_use` naming the remotes that are made of it. */
  async delete(actor: Actor, id: string, expected: number | null): Promise<void> {
    await this.database.as(actor).tx(async (tx) => {
      const remote = visibleOr404(actor, await this.remotes.findForUpdate(tx, id));
      requireVersion('remote', expected, remote.version);
      const users = await this.parts.usersOf(tx, id);
      if (users.length > 0) throw inUse(actor, users);
      await this.remotes.delete(tx, id);
      await this.audit.record(tx, {
        actor,
        action: 'remote.delete',
        resource: { type: 'remote', id },
        details: { name: remote.name, type: remote.type, root: remote.root },
      });
    });
  }

  /** Looks whether the remote can be reached now, and remembers it. 503 without rclone, which says nothing of it. */
  async check(actor: Actor, id: string): Promise<Versioned<RemoteView>> {
    const { read } = this.database.as(actor);
    const remote = await this.visible(read, actor, id);
    const checked = await this.checks
      .look(await this.engineRemotes.of(read, remote))
      .catch((error: unknown) => {
        throw transferProblem(error);
      });
    this.checks.markUsed(id);
    return this.database.as(actor).tx(async (tx) => {
      await this.checks.record(tx, remote, remote.version, checked);
      return this.present(tx, actor, id);
    });
  }

  /** Null for what the storage does not tell. 409 `remote_offline` when a local folder cannot be examined. */
  async usage(actor: Actor, id: string): Promise<UsageView> {
    const { read } = this.database.as(actor);
    const remote = await this.visible(read, actor, id);
    try {
      if (remote.type === 'local') return await localUsage(remote.root, this.settings.localRoots);
      return await this.engine.usage(await this.engineRemotes.of(read, remote));
    } catch (error) {
      if (remote.type !== 'local') throw transferProblem(error);
      throw UserError.conflict('remote_offline', 'The folder of this remote cannot be examined; check it.');
    }
  }

  /** One folder, by name. 404 `file_not_found` when there is no folder; 503 while rclone is missing. */
  async files(actor: Actor, id: string, query: FilesQuery): Promise<Page<FileView>> {
    const { read } = this.database.as(actor);
    const remote = await this.engineRemotes.of(read, await this.visible(read, actor, id));
    this.checks.markUsed(id);
    const entries = await this.listings
      .list(remote, remote.version, parseRemotePath(query.path ?? '/'))
      .catch((error: unknown) => {
        throw transferProblem(error);
      });
    const { cursor, limit } = query;
    const rest = cursor === undefined ? entries : entries.filter(({ name }) => name > cursor);
    const shown = rest.slice(0, limit);
    return {
      items: shown.map(toFileView),
      nextCursor: rest.length > limit ? (shown.at(-1)?.name ?? null) : null,
    };
  }

  /**
   * A remote for the engine, with its secrets opened. Throws 404 naming it as `what` when it is not there or not for
   * the actor, and 409 when what is stored may not be used: asked when a job is made and again when it runs, with the
   * rights of then.
   */
  async forEngine(read: Read, actor: Actor, id: string, what: string): Promise<EngineRemote> {
    const remote = visibleOr404(actor, await this.remotes.find(read, id), what);
    this.checks.markUsed(id);
    return this.engineRemotes.of(read, remote);
  }

  /** For jobs: a far side that refused what one of these logs in with is looked at again at once. */
  async sawProblem(remoteIds: readonly string[], error: unknown): Promise<void> {
    if (error instanceof TransferError && error.kind === 'auth') await this.checks.checkSoon(remoteIds);
  }

  /** `used` is the `secretsVersion` of the remote that was used, or its token. False when somebody else was faster. */
  async renewToken(remoteId: string, used: number | string, token: string): Promise<boolean> {
    return this.tokens.keep(remoteId, used, token);
  }

  /** Refuses circles and depth when everything is in its place: under the lock of `lockComposition`. */
  private async compose(tx: Tx, id: string, parts: readonly PartBody[]): Promise<void> {
    await this.parts.replace(tx, id, parts);
    await this.engineRemotes.refuseDepth(tx, await this.parts.wholesOf(tx, id));
  }

  private async visible(read: Read, actor: Actor, id: string): Promise<RemoteEntity> {
    return visibleOr404(actor, await this.remotes.find(read, id));
  }

  private async partsOf(read: Read, remotes: readonly RemoteEntity[]): Promise<RemotePartEntity[]> {
    const composed = remotes.filter(({ type }) => remoteTypes[type].parts !== null);
    return this.parts.of(
      read,
      composed.map(({ id }) => id),
    );
  }

  private async present(read: Read, actor: Actor, id: string): Promise<Versioned<RemoteView>> {
    const remote = await this.visible(read, actor, id);
    const parts = await this.partsOf(read, [remote]);
    return { version: remote.version, body: toRemoteView(remote, parts, actor) };
  }
}

function visibleOr404(actor: Actor, remote: RemoteEntity | null, what = 'remote'): RemoteEntity {
  if (!remote || !remotesPolicy.access(actor, remote)) throw UserError.notFound(what);
  return remote;
}

/** What makes two names the same one. Repeated, because normalising can bring forth letters that have a case. */
function nameKey(name: string): string {
  const folded = name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
  return folded === name ? folded : nameKey(folded);
}

/** The unique key decides who of several was first; looking beforehand could not. */
async function takenAsConflict(write: Promise<void>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (violatedUnique(error) !== 'remotes_name_key_unique') throw error;
    throw UserError.conflict('remote_name_taken', 'Another remote has this name.', [
      { pointer: '/name', code: 'remote_name_taken', detail: 'is already in use' },
    ]);
  }
}

const placingForbidden = (type: string): UserError =>
  UserError.forbidden(`Only admins may make and move remotes of type ${type}.`, 'role_required');

/** Which of them, without their values. */
function named(field: string, values: object | undefined): Record<string, string[]> {
  const names = Object.keys(values ?? {});
  return names.length > 0 ? { [field]: names.toSorted() } : {};
}

/** Names the remotes the actor may know of. */
function inUse(actor: Actor, users: readonly { name: string; ownerId: string }[]): UserError {
  const known = users.filter((user) => remotesPolicy.access(actor, user)).map(({ name }) => `"${name}"`);
  const others = users.length - known.length;
  const all = [...known, ...(others > 0 ? [`${others} of other people`] : [])].join(', ');
  return UserError.conflict('remote_in_use', `Other remotes are made of this one: ${all}.`);
}
