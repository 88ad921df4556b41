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
import { Events } from '../../kernel/realtime/index.js';
import { AuditService } from '../audit/index.js';
import { type EngineRemote, TransferEngine, TransferError } from './engine/transfer-engine.js';
import { RemoteSpace } from './files/remote-space.js';
import { prepareLocalRoot } from './local-folder.js';
import type { RemoteEntity } from './remote.entity.js';
import { ROOT } from './remote-path.js';
import { toRemoteView } from './remote.view.js';
import { REMOTE_STATUS_CHANGED, type RemoteStatusChangedData } from './remotes.events.js';
import { RemoteAccess, type Standing } from './permissions/remote-access.js';
import type { Right } from './permissions/path-rules.js';
import { remotesPolicy } from './remotes.policy.js';
import { RemotesRepository, type Checked } from './remotes.repository.js';
import type {
  NewRemoteBody,
  RemoteChangesBody,
  RemotesQuery,
  RemoteView,
  UsageView,
} from './remotes.schema.js';
import { transferProblem } from './transfer-problem.js';

/**
 * Configured places for files. Names are unique whatever their case (409 `remote_name_taken`). A remote the actor
 * may not use at all does not exist for it (404); where it lacks only the right it is 403 (`RemoteAccess`). Every change is audited in its own transaction; PATCH and DELETE need
 * the version that was read (412, 428).
 *
 * Deleting is always allowed: jobs that name the remote fail visibly with 404 when they run.
 */
@Injectable()
export class RemotesService {
  constructor(
    private readonly database: Database,
    private readonly remotes: RemotesRepository,
    private readonly access: RemoteAccess,
    private readonly engine: TransferEngine,
    private readonly space: RemoteSpace,
    private readonly settings: Settings,
    private readonly idempotency: Idempotency,
    private readonly events: Events,
    private readonly audit: AuditService,
  ) {}

  /** Makes its folder too. The actor becomes its owner; 403 for who may not place a remote of this type. */
  async create(
    actor: UserActor,
    input: NewRemoteBody,
    once: OnceRequest | null,
  ): Promise<Versioned<RemoteView>> {
    if (!remotesPolicy.place(actor, input.type)) throw placingForbidden(input.type);
    const root = await prepareLocalRoot(input.root, this.settings.localRoots);
    const id = newId();
    const checked = await this.look(engineRemote({ id, type: input.type, root, version: 0 }));
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => {
        const { type, name } = input;
        const row = { id, ownerId: actor.userId, name, nameKey: nameKey(name), type, root };
        await takenAsConflict(this.remotes.insert(tx, row));
        await this.recordCheck(tx, row, 1, checked);
        await this.audit.record(tx, {
          actor,
          action: 'remote.create',
          resource: { type: 'remote', id },
          details: { name, type, root },
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
    return toPage(rows, query.limit, (remote) => toRemoteView(remote, rights.get(remote.id) ?? []));
  }

  async get(actor: Actor, id: string): Promise<Versioned<RemoteView>> {
    return this.present(this.database.as(actor).read, actor, id);
  }

  /** Null when there is none with this name, in whatever case, that the actor may use. */
  async findByName(actor: Actor, name: string): Promise<RemoteView | null> {
    const { read } = this.database.as(actor);
    const remote = await this.remotes.findByNameKey(read, nameKey(name));
    const standing = remote && (await this.access.standing(read, actor, remote.id));
    return standing ? toRemoteView(remote, standing.rights) : null;
  }

  async update(
    actor: Actor,
    id: string,
    expected: number | null,
    changes: RemoteChangesBody,
  ): Promise<Versioned<RemoteView>> {
    const { type } = await this.usable(this.database.as(actor).read, actor, id, 'admin');
    const { name } = changes;
    if (changes.root !== undefined && !remotesPolicy.place(actor, type)) throw placingForbidden(type);
    const root = changes.root && (await prepareLocalRoot(changes.root, this.settings.localRoots));
    const checked = root ? await this.look(engineRemote({ id, type, root, version: 0 })) : null;
    return this.database.as(actor).tx(async (tx) => {
      const before = await this.managed(tx, actor, id);
      requireVersion('remote', expected, before.version);
      if (name === undefined && !root) return this.present(tx, actor, id);
      await takenAsConflict(
        this.remotes.update(tx, id, {
          ...(name === undefined ? {} : { name, nameKey: nameKey(name) }),
          ...(root ? { root } : {}),
        }),
      );
      if (checked) await this.recordCheck(tx, before, before.version + 1, checked);
      await this.audit.record(tx, {
        actor,
        action: 'remote.update',
        resource: { type: 'remote', id },
        details: {
          ...(name === undefined ? {} : { name: { from: before.name, to: name } }),
          ...(root ? { root: { from: before.root, to: root } } : {}),
        },
      });
      return this.present(tx, actor, id);
    });
  }

  async delete(actor: Actor, id: string, expected: number | null): Promise<void> {
    await this.database.as(actor).tx(async (tx) => {
      const remote = await this.managed(tx, actor, id);
      requireVersion('remote', expected, remote.version);
      await this.remotes.delete(tx, id);
      await this.audit.record(tx, {
        actor,
        action: 'remote.delete',
        resource: { type: 'remote', id },
        details: { name: remote.name, type: remote.type, root: remote.root },
      });
    });
  }

  /** Looks whether the remote can be reached now, and remembers it. */
  async check(actor: Actor, id: string): Promise<Versioned<RemoteView>> {
    const remote = await this.usable(this.database.as(actor).read, actor, id, 'read');
    const checked = await this.look(engineRemote(remote));
    return this.database.as(actor).tx(async (tx) => {
      await this.recordCheck(tx, remote, remote.version, checked);
      return this.present(tx, actor, id);
    });
  }

  /** At most five minutes old, or what is found now; 404 and 503 where the storage cannot be asked. */
  async usage(actor: Actor, id: string, fresh = false): Promise<UsageView> {
    const remote = await this.usable(this.database.as(actor).read, actor, id, 'read');
    try {
      return await this.space.of(engineRemote(remote), fresh);
    } catch (error) {
      throw usageProblem(error);
    }
  }

  /**
   * A remote for the engine, for who has the right to do this on it; where on it is a matter of `RemoteAccess`. Throws
   * 404 naming it as `what` when it is not there or not for the actor, 403 without the right: asked when a job is made
   * and again when it runs, with the rights of then.
   */
  async forEngine(read: Read, actor: Actor, id: string, what: string, action: Right): Promise<EngineRemote> {
    return engineRemote(await this.usable(read, actor, id, action, what));
  }

  private async look(remote: EngineRemote): Promise<Checked> {
    try {
      if (await this.engine.stat(remote, ROOT)) return { status: 'online', detail: null };
      return { status: 'offline', detail: 'The folder of this remote is not there.' };
    } catch (error) {
      if (!(error instanceof TransferError)) throw error;
      return { status: 'offline', detail: error.message };
    }
  }

  private async recordCheck(
    tx: Tx,
    remote: Pick<RemoteEntity, 'id' | 'name' | 'ownerId'>,
    version: number,
    checked: Checked,
  ): Promise<void> {
    const from = await this.remotes.recordCheck(tx, remote.id, version, checked);
    if (from === null || from === checked.status) return;
    const { name, ownerId: userId, id: subjectId } = remote;
    const data: RemoteStatusChangedData = { name, from, to: checked.status, detail: checked.detail };
    await this.events.record(tx, [
      { type: REMOTE_STATUS_CHANGED, channel: 'remotes', userId, subjectId, data },
    ]);
  }

  private async usable(
    read: Read,
    actor: Actor,
    id: string,
    action: Right,
    what = 'remote',
  ): Promise<RemoteEntity> {
    await this.access.demandRight(read, actor, id, action, what);
    return there(await this.remotes.find(read, id), what);
  }

  /** For a change by who manages it. */
  private async managed(tx: Tx, actor: Actor, id: string): Promise<RemoteEntity> {
    const remote = there(await this.remotes.findForUpdate(tx, id));
    await this.access.demandRight(tx, actor, id, 'admin');
    return remote;
  }

  private async present(read: Read, actor: Actor, id: string): Promise<Versioned<RemoteView>> {
    const { rights } = there(await this.access.standing(read, actor, id));
    const remote = there(await this.remotes.find(read, id));
    return { version: remote.version, body: toRemoteView(remote, rights) };
  }
}

const engineRemote = ({
  id,
  type,
  root,
  version,
}: Pick<RemoteEntity, 'id' | 'type' | 'root' | 'version'>): EngineRemote => ({
  id,
  type,
  root,
  version,
  options: {},
  parts: [],
});

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
