import { Injectable, type OnModuleInit } from '@nestjs/common';
import { userIdOf, type Actor, type UserRole } from '../../kernel/auth/index.js';
import { Database, newId, type Page, type Read, type Tx } from '../../kernel/database/index.js';
import {
  Idempotency,
  UserError,
  requireVersion,
  type OnceRequest,
  type Versioned,
} from '../../kernel/http/index.js';
import { AuditService } from '../audit/index.js';
import { AccountHooks } from './account-hooks.js';
import { identifierKey } from './identifiers.js';
import { PasswordHasher } from './passwords/password-hasher.js';
import { refuseWeakPassword, type PasswordOwner } from './passwords/password-policy.js';
import type { UserEntity } from './user.entity.js';
import { toManagedUserView, toUserView } from './user.view.js';
import { changedFacts, emailColumns, given, takenAsConflict, usernameColumns } from './users.columns.js';
import { cursorOf, placeOf } from './users.cursor.js';
import { endsAdministration, isLastAdmin } from './users.policy.js';
import { UsersRepository, type UserRowChanges, type Rights } from './users.repository.js';
import type { ManagedUserView, NewUserIn, UserChanges, UserView, UsersQuery } from './users.schema.js';

/** An account to make. The password comes hashed: hashing takes long and must not hold a transaction open. */
export interface NewUser extends Omit<NewUserIn, 'password'> {
  readonly passwordHash: string | null;
}

/** What a login needs to know; never leaves the process. */
export interface Credentials {
  readonly userId: string;
  readonly role: UserRole;
  readonly isActive: boolean;
  readonly passwordHash: string | null;
}

/**
 * Accounts. E-mail and username are unique by their normalised keys (C4, C19): a second one is `UserError` 409
 * `email_taken` or `username_taken`, whoever of several at the same moment comes first. At least one active admin
 * always remains (409 `last_admin`). Every change is audited in its own transaction.
 *
 * Deactivating ends the user's sessions in the same transaction, by the hooks that other modules register: active
 * again, the person logs in anew.
 */
@Injectable()
export class UsersService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly users: UsersRepository,
    private readonly hasher: PasswordHasher,
    private readonly audit: AuditService,
    private readonly hooks: AccountHooks,
    private readonly idempotency: Idempotency,
  ) {}

  onModuleInit(): void {
    // The answer to whoever made the account holds its address, too.
    this.hooks.register({
      module: 'users',
      erased: (tx, userId) => this.idempotency.forgetAnswersWith(tx, userId),
    });
  }

  async find(read: Read, id: string): Promise<UserView | null> {
    const user = await this.users.find(read, id);
    return user && toUserView(user);
  }

  /** By e-mail or username, written in any way that has the same key. */
  async findByIdentifier(read: Read, identifier: string): Promise<UserView | null> {
    const user = await this.rowByIdentifier(read, identifier);
    return user && toUserView(user);
  }

  async credentials(read: Read, identifier: string): Promise<Credentials | null> {
    const user = await this.rowByIdentifier(read, identifier);
    return user && credentialsOf(user);
  }

  /** The same of a user whose id is known, for whoever is to prove once more who they are. */
  async credentialsById(read: Read, userId: string): Promise<Credentials | null> {
    const user = await this.users.find(read, userId);
    return user && credentialsOf(user);
  }

  /** The rights of now: who acts for a user later, such as a schedule, asks again each time. */
  async rightsOf(read: Read, userId: string): Promise<Rights | null> {
    return (await this.users.rights(read, [userId]))[0] ?? null;
  }

  /** The same for many at once. */
  async rightsOfMany(read: Read, userIds: readonly string[]): Promise<ReadonlyMap<string, Rights>> {
    if (userIds.length === 0) return new Map();
    return new Map((await this.users.rights(read, userIds)).map((rights) => [rights.id, rights]));
  }

  /** Who is told what concerns the installation: the ids of those who can administer now. */
  async activeAdmins(read: Read): Promise<string[]> {
    return this.users.activeAdmins(read);
  }

  async count(read: Read): Promise<number> {
    return this.users.count(read);
  }

  /** A page in one of the orders; 400 for a cursor of another order. */
  async list({ cursor, ...query }: UsersQuery): Promise<Page<ManagedUserView>> {
    const { sort, limit } = query;
    const after = cursor === undefined ? undefined : placeOf(sort, cursor);
    const rows = await this.users.page(this.database.read, { ...query, after });
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return {
      items: rows.slice(0, limit).map(toManagedUserView),
      nextCursor: last ? cursorOf(sort, last) : null,
    };
  }

  async get(id: string): Promise<UserView> {
    return required(await this.find(this.database.system('users').read, id));
  }

  async getVersioned(id: string): Promise<Versioned<ManagedUserView>> {
    return versioned(required(await this.users.find(this.database.read, id)));
  }

  /**
   * The hash of a new account's password; null when it is to have none. 400 when address, name or password can never
   * be used. Before the transaction: hashing takes long and must not hold one open.
   */
  async newHash(
    password: string | undefined,
    owner: PasswordOwner & { email: string },
  ): Promise<string | null> {
    emailColumns(owner.email);
    usernameColumns(owner.username ?? null);
    return password === undefined ? null : this.acceptedHash(owner, password);
  }

  /**
   * The hash of a password that `owner` is to have. 400 naming `pointer` when it is too short, too long, much used or
   * made of the owner's own words. Before the transaction, as above.
   */
  async acceptedHash(owner: PasswordOwner, password: string, pointer = '/password'): Promise<string> {
    await refuseWeakPassword(password, owner, pointer);
    return this.hasher.hash(password);
  }

  /** Joins the caller's transaction. `actor` is null for somebody who registers. */
  async create(tx: Tx, actor: Actor | null, input: NewUser): Promise<UserView> {
    const id = newId();
    const row = {
      id,
      ...emailColumns(input.email),
      ...usernameColumns(input.username ?? null),
      passwordHash: input.passwordHash,
      fullName: input.fullName ?? null,
      role: input.role ?? 'user',
      isActive: input.isActive ?? true,
      isVerified: input.isVerified ?? false,
      metadata: input.metadata ?? {},
    };
    await takenAsConflict(this.users.insert(tx, row));
    await this.audit.record(tx, {
      actor,
      action: 'user.create',
      resource: { type: 'user', id },
      details: { role: row.role, isActive: row.isActive },
    });
    return toUserView(required(await this.users.find(tx, id)));
  }

  /** Makes the user only where there has never been one; of several processes at once one does, others get null. */
  async createFirst(tx: Tx, actor: Actor, input: NewUser): Promise<UserView | null> {
    return (await this.users.lockIfEmpty(tx)) ? this.create(tx, actor, input) : null;
  }

  /** `once` is the Idempotency-Key of a request by the actor's user. */
  async createWithPassword(
    actor: Actor,
    { password, ...input }: NewUserIn,
    once: OnceRequest | null = null,
  ): Promise<ManagedUserView> {
    const passwordHash = await this.newHash(password, input);
    return this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, userIdOf(actor) ?? '', once, async () => ({
        ...(await this.create(tx, actor, { ...input, passwordHash })),
        taskCount: 0,
      })),
    );
  }

  /**
   * Changes what is given and leaves the rest; `null` clears, `metadata` is replaced as a whole. 412 when `expected`
   * is not the present version. A new address is not verified until somebody says so.
   */
  async update(
    actor: Actor,
    id: string,
    changes: UserChanges,
    expected: number | null = null,
  ): Promise<Versioned<ManagedUserView>> {
    const { username, email, ...others } = changes;
    const columns: UserRowChanges = given({
      ...others,
      ...(username === undefined ? {} : usernameColumns(username)),
      ...(email === undefined ? {} : emailColumns(email)),
    });
    return this.database.system('account changes').tx(async (tx) => {
      // Admins before the user: two who demote each other would otherwise wait for each other for ever.
      const admins = endsAdministration(changes) ? await this.users.lockActiveAdmins(tx) : [];
      const before = required(await this.users.findForUpdate(tx, id));
      requireVersion('user', expected, before.version);
      if (Object.keys(columns).length === 0) return versioned(before);
      if (isLastAdmin(id, admins))
        throw UserError.conflict('last_admin', 'The last active admin cannot be demoted or deactivated.');
      const isMoved = columns.emailKey !== undefined && columns.emailKey !== before.emailKey;
      await takenAsConflict(
        this.users.update(tx, id, { ...(isMoved ? { isVerified: false } : {}), ...columns }),
      );
      const after = required(await this.users.find(tx, id));
      if (before.isActive && !after.isActive) await this.hooks.deactivated(tx, id);
      if (before.role !== after.role) await this.hooks.rightsChanged(tx, id);
      await this.audit.record(tx, {
        actor,
        action: 'user.update',
        resource: { type: 'user', id },
        details: changedFacts(before, after, changes),
      });
      return versioned(after);
    });
  }

  /**
   * Makes sure, in the transaction of a login, that the password that was checked is still the user's; false when it
   * has been replaced since. `upgraded` takes the place of an outdated hash of the same password.
   */
  async keepPassword(
    tx: Tx,
    { userId, passwordHash }: Credentials,
    upgraded: string | null,
  ): Promise<boolean> {
    if (passwordHash === null || !(await this.users.swapPasswordHash(tx, userId, passwordHash, upgraded)))
      return false;
    if (upgraded !== null)
      await this.audit.record(tx, {
        actor: { type: 'system', name: 'login' },
        action: 'user.upgrade_password_hash',
        resource: { type: 'user', id: userId },
      });
    return true;
  }

  /** Stamps a login in the transaction that makes its session; null when the user may no longer log in. */
  async recordLogin(tx: Tx, userId: string): Promise<UserView | null> {
    return (await this.users.stampLogin(tx, userId)) ? this.find(tx, userId) : null;
  }

  /**
   * Puts `next` in the place of the hash that was checked; false when it has been replaced since. Joins the caller's
   * transaction, which records it and ends sessions.
   */
  async changePassword(tx: Tx, { userId, passwordHash }: Credentials, next: string): Promise<boolean> {
    return passwordHash !== null && this.users.swapPasswordHash(tx, userId, passwordHash, next);
  }

  /** Joins the caller's transaction, which also ends the user's sessions. `UserError` 404 when there is no such user. */
  async replacePassword(tx: Tx, actor: Actor, userId: string, passwordHash: string): Promise<void> {
    if (!(await this.users.setPasswordHash(tx, userId, passwordHash))) throw UserError.notFound('user');
    await this.audit.record(tx, {
      actor,
      action: 'user.reset_password',
      resource: { type: 'user', id: userId },
    });
  }

  private async rowByIdentifier(read: Read, identifier: string): Promise<UserEntity | null> {
    const found = identifierKey(identifier);
    return found && this.users.findByKey(read, found.kind, found.key);
  }
}

const credentialsOf = ({ id, role, isActive, passwordHash }: UserEntity): Credentials => ({
  userId: id,
  role,
  isActive,
  passwordHash,
});

const versioned = (user: UserEntity): Versioned<ManagedUserView> => ({
  version: user.version,
  body: toManagedUserView(user),
});

function required<T>(user: T | null): T {
  if (user === null) throw UserError.notFound('user');
  return user;
}
