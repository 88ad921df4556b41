import { Injectable } from '@nestjs/common';
import { userIdOf, type Actor, type UserActor } from '../../../kernel/auth/index.js';
import { Database, newId, toPage, type Page, type Read, type Tx } from '../../../kernel/database/index.js';
import { UserError, requireVersion, type Versioned } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { UsersService } from '../../users/index.js';
import { hiddenText, type Hidden } from '../names/hidden.js';
import { displayPath, parseRemotePath } from '../remote-path.js';
import { RemoteAccess, rightMissing, standingOf, type Standing } from './remote-access.js';
import type { RemotePermissionEntity } from './remote-permission.entity.js';
import { toPermissionView } from './remote-permission.view.js';
import { remotePermissionsPolicy } from './remote-permissions.policy.js';
import { RemotePermissionsRepository, type PermissionChanges } from './remote-permissions.repository.js';
import type {
  Explanation,
  ExplainQuery,
  PermissionBody,
  PermissionParams,
  PermissionView,
  PermissionsQuery,
} from './remote-permissions.schema.js';
import type { PathRule } from './path-rules.js';

/** The rows of others are read and changed in this context, once the policy has said yes. */
const CONTEXT = 'remote permissions';

/** Rules of more than this are counted in the audit trail and not written out. */
const MAX_AUDITED_BYTES = 8_192;

/**
 * Who may use a remote, and for what. Managed by its owner, admins and users with the right `admin` on it; for who may
 * not use the remote at all it does not exist (404), for who only uses it others' permissions are a 403.
 *
 * Changes of one remote's permissions take turns, and each is decided, written and audited in one transaction with the
 * rights of then. What was there is only replaced by who has read it (428, 412). A change holds for whatever is asked
 * after its commit; a job that is running is not disturbed.
 */
@Injectable()
export class RemotePermissionsService {
  constructor(
    private readonly database: Database,
    private readonly permissions: RemotePermissionsRepository,
    private readonly access: RemoteAccess,
    private readonly users: UsersService,
    private readonly audit: AuditService,
  ) {}

  async list(actor: UserActor, remoteId: string, query: PermissionsQuery): Promise<Page<PermissionView>> {
    await this.access.demandRight(this.database.as(actor).read, actor, remoteId, 'admin');
    const rows = await this.permissions.page(this.database.system(CONTEXT).read, remoteId, query);
    return toPage(rows, query.limit, toPermissionView);
  }

  async get(actor: UserActor, { id, userId }: PermissionParams): Promise<Versioned<PermissionView>> {
    const standing = await this.existing(this.database.as(actor).read, actor, id);
    if (!remotePermissionsPolicy.see(actor, standing, userId)) throw rightMissing('admin');
    return present(await this.permissions.find(this.database.system(CONTEXT).read, id, userId));
  }

  /** `expected`: undefined where no version was named, null for any. */
  async put(
    actor: UserActor,
    { id, userId }: PermissionParams,
    expected: number | null | undefined,
    body: PermissionBody,
  ): Promise<Versioned<PermissionView>> {
    return this.database.system(CONTEXT).tx(async (tx) => {
      const ownerId = await this.lockManaged(tx, actor, id, userId);
      if (userId === ownerId)
        throw UserError.conflict('owner_has_every_right', 'The owner of a remote has every right on it.');
      if (!(await this.users.find(tx, userId))) throw UserError.notFound('user');
      const before = await this.permissions.find(tx, id, userId);
      if (before) await this.replace(tx, before, expected, body);
      else await this.add(tx, actor, { id, userId }, expected, body);
      await this.audit.record(tx, {
        actor,
        action: before ? 'remote_permission.update' : 'remote_permission.create',
        resource: { type: 'remote', id },
        details: { userId, ...(before ? { from: facts(before) } : {}), to: facts(body) },
      });
      return present(await this.permissions.find(tx, id, userId));
    });
  }

  async delete(actor: UserActor, { id, userId }: PermissionParams, expected: number | null): Promise<void> {
    await this.database.system(CONTEXT).tx(async (tx) => {
      await this.lockManaged(tx, actor, id, userId);
      const before = await this.permissions.find(tx, id, userId);
      if (!before) throw UserError.notFound('permission');
      requireVersion('permission', expected, before.version);
      await this.permissions.delete(tx, before.id);
      await this.audit.record(tx, {
        actor,
        action: 'remote_permission.delete',
        resource: { type: 'remote', id },
        details: { userId, from: facts(before) },
      });
    });
  }

  /** What somebody may do there and why; everybody may ask about themselves. */
  async explain(actor: UserActor, remoteId: string, query: ExplainQuery): Promise<Explanation> {
    const { userId = actor.userId, action } = query;
    const asking = await this.existing(this.database.as(actor).read, actor, remoteId);
    if (!remotePermissionsPolicy.see(actor, asking, userId)) throw rightMissing('admin');
    const standing = userId === actor.userId ? asking : await this.standingOf(remoteId, userId);
    const path = parseRemotePath(query.path ?? '/');
    const verdict = standing?.may(action, path) ?? { allowed: false, reason: 'unknown' as const, rule: null };
    const tree = standing?.tree(action, path) ?? { answer: 'none' as const, rules: [] };
    return {
      userId,
      action,
      path: displayPath(path),
      allowed: verdict.allowed,
      reason: verdict.reason,
      rule: verdict.rule && shown(verdict.rule),
      tree: {
        answer: tree.answer,
        hidden: hiddenTexts(tree),
        rules: tree.answer === 'all' ? [] : tree.rules.map(shown),
      },
    };
  }

  private async existing(read: Read, actor: Actor, remoteId: string): Promise<Standing> {
    const standing = await this.access.standing(read, actor, remoteId);
    if (!standing) throw UserError.notFound('remote');
    return standing;
  }

  /** Of another user, with the role that user has now. */
  private async standingOf(remoteId: string, userId: string): Promise<Standing | null> {
    const { read } = this.database.system(CONTEXT);
    const user = await this.users.find(read, userId);
    if (!user) throw UserError.notFound('user');
    const row = await this.permissions.standing(read, remoteId, userId);
    // Asked about a person, not by one: there is no session.
    return row && standingOf({ type: 'user', userId, role: user.role, sessionId: '' }, row);
  }

  /** The owner of the remote, whose permissions nobody else changes until the transaction ends. */
  private async lockManaged(tx: Tx, actor: Actor, remoteId: string, userId: string): Promise<string> {
    const ownerId = await this.permissions.lockRemote(tx, remoteId);
    const standing = await this.existing(tx, actor, remoteId);
    if (ownerId === null) throw UserError.notFound('remote');
    if (!remotePermissionsPolicy.manage(standing)) throw rightMissing('admin');
    if (!remotePermissionsPolicy.change(actor, ownerId, userId))
      throw UserError.forbidden(
        'You cannot change your own permissions; the owner of the remote and admins can.',
        'own_permission',
      );
    return ownerId;
  }

  private async replace(
    tx: Tx,
    before: RemotePermissionEntity,
    expected: number | null | undefined,
    { permissions, pathRules, isActive }: PermissionBody,
  ): Promise<void> {
    if (expected === undefined)
      throw UserError.preconditionRequired(
        'This user has a permission already: send If-Match with the ETag of what you read.',
      );
    requireVersion('permission', expected, before.version);
    await this.permissions.update(tx, before.id, { permissions, pathRules, isActive });
  }

  private async add(
    tx: Tx,
    actor: Actor,
    { id: remoteId, userId }: PermissionParams,
    expected: number | null | undefined,
    { permissions, pathRules, isActive }: PermissionBody,
  ): Promise<void> {
    // Whoever names a version has read what somebody else has removed since.
    if (typeof expected === 'number') throw UserError.stale('permission');
    const createdBy = userIdOf(actor);
    const row = { id: newId(), userId, remoteId, permissions, pathRules, isActive, createdBy };
    await this.permissions.insert(tx, row);
  }
}

function present(row: RemotePermissionEntity | null): Versioned<PermissionView> {
  if (!row) throw UserError.notFound('permission');
  return { version: row.version, body: toPermissionView(row) };
}

/** For the audit trail. */
function facts({ permissions, pathRules, isActive }: PermissionChanges): Record<string, unknown> {
  const isLong = Buffer.byteLength(JSON.stringify(pathRules)) > MAX_AUDITED_BYTES;
  return { permissions, isActive, pathRules: isLong ? { count: pathRules.length } : pathRules };
}

/** Every spelling of a name is there for programs; people are told each place once. */
function hiddenTexts(tree: {
  readonly answer: string;
  readonly hidden?: readonly Hidden[] | null;
}): string[] | null {
  if (tree.answer === 'all') return [];
  return tree.hidden ? [...new Set(tree.hidden.map((one) => hiddenText(one).normalize('NFC')))] : null;
}

const shown = ({ path, allow, deny }: PathRule): Explanation['tree']['rules'][number] => ({
  path,
  allow: [...allow],
  deny: [...deny],
});
