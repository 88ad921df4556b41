import { Injectable } from '@nestjs/common';
import type { Actor } from '../../../kernel/auth/index.js';
import { type Read } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import type { RemotePath } from '../remote-path.js';
import { RemotesRepository } from '../remotes.repository.js';
import { remotesPolicy } from '../remotes.policy.js';
import type { PathFilter, PathRule, Right } from './path-rules.js';

/** Why an action is or is not allowed. */
export type VerdictReason =
  /** There is no such remote, or the actor may not use it at all: it does not exist for it. */
  | 'unknown'
  /** The actor is an admin, or the system itself. */
  | 'admin'
  | 'owner'
  /** The right is not among those given on this remote. */
  | 'right_missing'
  /** A rule denies it; `rule` says which. */
  | 'rule_denies'
  /** A rule allows it; `rule` says which. */
  | 'rule_allows'
  /** Rules say what is allowed, and this is not among it. */
  | 'no_rule_allows'
  /** No rule speaks of it, and none says what alone is allowed. */
  | 'no_rule_speaks';

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
   * Some of it may. `hidden` is what may not, exactly and relative to the folder, each with everything below it: fit
   * for `TransferOptions.hidden`. Null where it cannot be said as a list of paths: then nothing recursive may be done
   * there, because of `rules`.
   */
  | {
      readonly answer: 'partial';
      readonly hidden: readonly RemotePath[] | null;
      readonly rules: readonly PathRule[];
    };

/**
 * What somebody may do on a remote, with the rights of this moment: nothing is remembered between two questions. The
 * owner and admins may do everything; others what their active row of `remote_permissions` says.
 */
@Injectable()
export class RemoteAccess {
  constructor(private readonly remotes: RemotesRepository) {}

  /** One file or folder itself. `read` must see the rows of the actor: `Database.as(actor)`. */
  async may(read: Read, actor: Actor, remoteId: string, _action: Right, _path: RemotePath): Promise<Verdict> {
    const remote = await this.remotes.find(read, remoteId);
    if (!remote || !remotesPolicy.access(actor, remote))
      return { allowed: false, reason: 'unknown', rule: null };
    return { allowed: true, reason: 'owner', rule: null };
  }

  /** A file, or a folder with all that is in it. */
  async tree(
    read: Read,
    actor: Actor,
    remoteId: string,
    action: Right,
    path: RemotePath,
  ): Promise<TreeVerdict> {
    const { allowed, reason } = await this.may(read, actor, remoteId, action, path);
    return allowed ? { answer: 'all' } : { answer: 'none', reason, rules: [] };
  }

  /** For listings, asked after any cache; null: everything may be seen. Throws what `demand` throws for `read`. */
  async visible(read: Read, actor: Actor, remoteId: string): Promise<PathFilter | null> {
    const { reason } = await this.may(read, actor, remoteId, 'read', '' as RemotePath);
    if (reason === 'unknown') throw UserError.notFound('remote');
    return null;
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
  ): Promise<void> {
    const verdict = await this.may(read, actor, remoteId, action, path);
    if (verdict.reason === 'unknown') throw UserError.notFound(what);
    if (!verdict.allowed)
      throw UserError.forbidden(
        `You do not have the right to ${action} here on this ${what}.`,
        'remote_permission_required',
      );
  }
}
