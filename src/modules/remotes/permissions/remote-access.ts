import { Injectable } from '@nestjs/common';
import { isAdmin, userIdOf, type Actor } from '../../../kernel/auth/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { Hidden } from '../names/hidden.js';
import type { RemotePath } from '../remote-path.js';
import { PathRules, RIGHTS, type PathFilter, type PathRule, type Right } from './path-rules.js';
import { RemotePermissionsRepository, type StandingRow } from './remote-permissions.repository.js';
import { spellingOfRemote } from './spelling-of-remote.js';

/** Why an action is or is not allowed. */
export const VERDICT_REASONS = [
  /** There is no such remote, or the actor may not use it at all: it does not exist for it. */
  'unknown',
  /** The actor is an admin, or the system itself. */
  'admin',
  'owner',
  /** The right is not among those given on this remote. */
  'right_missing',
  /** A rule denies it; `rule` says which. */
  'rule_denies',
  /** A rule allows it; `rule` says which. */
  'rule_allows',
  /** Rules say what is allowed, and this is not among it. */
  'no_rule_allows',
  /** No rule speaks of it, and none says what alone is allowed. */
  'no_rule_speaks',
] as const;
export type VerdictReason = (typeof VERDICT_REASONS)[number];

export interface Verdict {
  readonly allowed: boolean;
  readonly reason: VerdictReason;
  readonly rule: PathRule | null;
}

/** Whether an action may be done to a folder and everything in it. */
export type TreeVerdict =
  | { readonly answer: 'all' }
  /** Nothing in it may; `rules` are what stands against it, none where the right itself is missing. */
  | { readonly answer: 'none'; readonly reason: VerdictReason; readonly rules: readonly PathRule[] }
  /**
   * Some of it may. `hidden` is what may not, relative to the folder, each with everything below it: fit for
   * `TransferOptions.hidden`. Null where it cannot be said: then nothing recursive may be done there, because of
   * `rules`.
   */
  | {
      readonly answer: 'partial';
      readonly hidden: readonly Hidden[] | null;
      readonly rules: readonly PathRule[];
    };

/** What somebody may do on one remote, as it was when it was asked for: for several questions about one moment. */
export interface Standing {
  readonly rights: readonly Right[];
  may(action: Right, path: RemotePath): Verdict;
  tree(action: Right, path: RemotePath): TreeVerdict;
  filter(): PathFilter | null;
}

/**
 * What somebody may do on a remote, with the rights of this moment: each question reads them anew (one indexed row,
 * ADR 26), so that what is withdrawn is withdrawn with the commit. The owner and admins may do everything; others
 * what their active row of `remote_permissions` says. Who has no right at all has none to know of the remote either.
 *
 * `read` must see the rows of the actor: `Database.as(actor)`, or a transaction of it.
 */
@Injectable()
export class RemoteAccess {
  constructor(private readonly permissions: RemotePermissionsRepository) {}

  /** Null where the remote does not exist for the actor. */
  async standing(read: Read, actor: Actor, remoteId: string): Promise<Standing | null> {
    const row = await this.permissions.standing(read, remoteId, userIdOf(actor));
    return row && standingOf(actor, row);
  }

  /** The rights on each of these remotes; none where one does not exist for the actor. */
  async rightsOn(
    read: Read,
    actor: Actor,
    remotes: readonly { readonly id: string; readonly ownerId: string }[],
  ): Promise<Map<string, readonly Right[]>> {
    const userId = userIdOf(actor);
    const rights = new Map<string, readonly Right[]>();
    if (userId !== null && !isAdmin(actor))
      for (const row of await this.permissions.activeOf(
        read,
        userId,
        remotes.map(({ id }) => id),
      ))
        rights.set(row.remoteId, row.permissions);
    for (const { id, ownerId } of remotes) if (over(actor, ownerId)) rights.set(id, RIGHTS);
    return rights;
  }

  /** One file or folder itself. */
  async may(read: Read, actor: Actor, remoteId: string, action: Right, path: RemotePath): Promise<Verdict> {
    const standing = await this.standing(read, actor, remoteId);
    return standing?.may(action, path) ?? { allowed: false, reason: 'unknown', rule: null };
  }

  /** A file, or a folder with all that is in it. */
  async tree(
    read: Read,
    actor: Actor,
    remoteId: string,
    action: Right,
    path: RemotePath,
  ): Promise<TreeVerdict> {
    const standing = await this.standing(read, actor, remoteId);
    return standing?.tree(action, path) ?? { answer: 'none', reason: 'unknown', rules: [] };
  }

  /**
   * The same as `may`, for who goes on only when it is allowed. 404 naming it as `what` where the remote does not
   * exist for the actor, else 403 `remote_permission_required`.
   */
  async demand(
    read: Read,
    actor: Actor,
    remoteId: string,
    action: Right,
    path: RemotePath,
    what = 'remote',
  ): Promise<Standing> {
    const standing = await this.demandRight(read, actor, remoteId, action, what);
    if (!standing.may(action, path).allowed)
      throw UserError.forbidden(
        `The rules for you on this ${what} do not let you ${action} here.`,
        'remote_permission_required',
      );
    return standing;
  }

  /** The right itself, wherever it may be used; without one, being able to use the remote at all. */
  async demandRight(
    read: Read,
    actor: Actor,
    remoteId: string,
    action?: Right,
    what = 'remote',
  ): Promise<Standing> {
    const standing = await this.standing(read, actor, remoteId);
    if (!standing) throw UserError.notFound(what);
    if (action !== undefined && !standing.rights.includes(action)) throw rightMissing(action, what);
    return standing;
  }
}

/** Null where the remote does not exist for the actor. */
export function standingOf(actor: Actor, row: StandingRow): Standing | null {
  const reason = over(actor, row.ownerId);
  if (reason) return everything(reason);
  if (row.permissions === null || row.permissions.length === 0) return null;
  const rules = new PathRules(
    { permissions: row.permissions, pathRules: row.pathRules ?? [] },
    spellingOfRemote(row.type, row.madeOf),
  );
  return {
    rights: row.permissions,
    may: (action, path) => rules.decide(action, path),
    tree: (action, path) => rules.tree(action, path),
    filter: () => rules.filter(),
  };
}

/** Why somebody may do everything on a remote of this owner; null where that is not so. */
const over = (actor: Actor, ownerId: string): 'admin' | 'owner' | null =>
  isAdmin(actor) ? 'admin' : userIdOf(actor) === ownerId ? 'owner' : null;

const everything = (reason: 'admin' | 'owner'): Standing => ({
  rights: RIGHTS,
  may: () => ({ allowed: true, reason, rule: null }),
  tree: () => ({ answer: 'all' }),
  filter: () => null,
});

export const rightMissing = (action: Right, what = 'remote'): UserError =>
  UserError.forbidden(`You need the right "${action}" on this ${what}.`, 'remote_permission_required');
