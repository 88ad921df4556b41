import { Injectable } from '@nestjs/common';
import { isAdmin, userIdOf, type Actor, type UserActor } from '../../kernel/auth/index.js';
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
import { type EngineRemote, TransferError } from './engine/transfer-engine.js';
import { EngineRemotes } from './engine-remotes.js';
import { RemoteSpace } from './files/remote-space.js';
import type { RemotePartEntity } from './parts/remote-part.entity.js';
import { RemotePartsRepository } from './parts/remote-parts.repository.js';
import type { Right } from './permissions/path-rules.js';
import { RemoteAccess, type Standing } from './permissions/remote-access.js';
import { RemoteConfigurations } from './remote-configurations.js';
import type { RemoteEntity } from './remote.entity.js';
import { toRemoteView } from './remote.view.js';
import { remotesPolicy } from './remotes.policy.js';
import { RemotesRepository } from './remotes.repository.js';
import type {
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
 * may not use at all does not exist for it (404); where it lacks only the right it is 403 (`RemoteAccess`). Every change
 * is audited in its own transaction; PATCH and DELETE need the version that was read (412, 428). What is secret goes in
 * and never comes out.
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
    private readonly access: RemoteAccess,
    private readonly engineRemotes: EngineRemotes,
    private readonly configurations: RemoteConfigurations,
    private readonly checks: RemoteChecks,
    private readonly tokens: RenewedTokens,
    private readonly space: RemoteSpace,
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
    const { read } = this.database.as(actor);
    const usedBy = remotesPolicy.listOthers(actor) ? undefined : actor.userId;
    const rows = await this.remotes.page(read, { ...query, usedBy });
    const rights = await this.access.rightsOn(read, actor, rows);
    const parts = await this.partsOf(read, rows);
    return toPage(rows, query.limit, (remote) => toRemoteView(remote, parts, rights.get(remote.id) ?? []));
  }

  async get(actor: Actor, id: string): Promise<Versioned<RemoteView>> {
    return this.present(this.database.as(actor).read, actor, id);
  }

  /** Null when there is none with this name, in whatever case, that the actor may use. */
  async findByName(actor: Actor, name: string): Promise<RemoteView | null> {
    const { read } = this.database.as(actor);
    const remote = await this.remotes.findByNameKey(read, nameKey(name));
    const standing = remote && (await this.access.standing(read, actor, remote.id));
    return standing ? toRemoteView(remote, await this.partsOf(read, [remote]), standing.rights) : null;
  }

  async update(
    actor: Actor,
    id: string,
    expected: number | null,
    changes: RemoteChangesBody,
  ): Promise<Versioned<RemoteView>> {
    const { read } = this.database.as(actor);
    const seen = await this.usable(read, actor, id, 'admin');
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
      const before = await this.managed(tx, actor, id);
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
      const remote = await this.managed(tx, actor, id);
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
    const remote = await this.usable(read, actor, id, 'read');
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

  /** At most five minutes old, or what is found now; 404 and 503 where the storage cannot be asked. */
  async usage(actor: Actor, id: string, fresh = false): Promise<UsageView> {
    const { read } = this.database.as(actor);
    const remote = await this.usable(read, actor, id, 'read');
    this.checks.markUsed(id);
    try {
      return await this.space.of(await this.engineRemotes.of(read, remote), fresh);
    } catch (error) {
      await this.sawProblem([id], error);
      throw usageProblem(error);
    }
  }

  /**
   * A remote for the engine, with its secrets opened, for who has the right `action` on it; without one, for whoever
   * may use it at all, where the caller asks `RemoteAccess` what for and where. Throws 404 naming it as `what` when it
   * is not there or not for the actor, 403 without the right, 409 when what is stored may not be used: asked when a job
   * is made and again when it runs, with the rights of then.
   */
  async forEngine(read: Read, actor: Actor, id: string, what: string, action?: Right): Promise<EngineRemote> {
    return (await this.forWork(read, actor, id, what, action)).remote;
  }

  /** The same with what the actor may do there, as it was found out for this: for who has more to ask about it. */
  async forWork(
    read: Read,
    actor: Actor,
    id: string,
    what: string,
    action?: Right,
  ): Promise<{ remote: EngineRemote; standing: Standing }> {
    const standing = await this.access.demandRight(read, actor, id, action, what);
    const remote = there(await this.remotes.find(read, id), what);
    this.checks.markUsed(id);
    return { remote: await this.engineRemotes.of(read, remote), standing };
  }

  /** A far side that refused what one of these logs in with is looked at again at once. */
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

  private async usable(read: Read, actor: Actor, id: string, action: Right): Promise<RemoteEntity> {
    await this.access.demandRight(read, actor, id, action);
    return there(await this.remotes.find(read, id));
  }

  /** For a change by who manages it. */
  private async managed(tx: Tx, actor: Actor, id: string): Promise<RemoteEntity> {
    const remote = there(await this.remotes.findForUpdate(tx, id));
    await this.access.demandRight(tx, actor, id, 'admin');
    return remote;
  }

  private async partsOf(read: Read, remotes: readonly RemoteEntity[]): Promise<RemotePartEntity[]> {
    const composed = remotes.filter(({ type }) => remoteTypes[type].parts !== null);
    return this.parts.of(
      read,
      composed.map(({ id }) => id),
    );
  }

  private async present(read: Read, actor: Actor, id: string): Promise<Versioned<RemoteView>> {
    const { rights } = there(await this.access.standing(read, actor, id));
    const remote = there(await this.remotes.find(read, id));
    const parts = await this.partsOf(read, [remote]);
    return { version: remote.version, body: toRemoteView(remote, parts, rights) };
  }
}

function there<T extends RemoteEntity | Standing>(found: T | null, what = 'remote'): T {
  if (!found) throw UserError.notFound(what);
  return found;
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

/** A folder that is gone is a matter of the remote's state; whether it is there says its check. */
function usageProblem(error: unknown): unknown {
  if (error instanceof TransferError && error.kind === 'not_found')
    return UserError.conflict('remote_offline', error.message);
  return transferProblem(error);
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
  const known = users
    .filter(({ ownerId }) => isAdmin(actor) || ownerId === userIdOf(actor))
    .map(({ name }) => `"${name}"`);
  const others = users.length - known.length;
  const all = [...known, ...(others > 0 ? [`${others} of other people`] : [])].join(', ');
  return UserError.conflict('remote_in_use', `Other remotes are made of this one: ${all}.`);
}
