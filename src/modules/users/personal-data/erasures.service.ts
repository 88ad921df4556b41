import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { userIdOf, type Actor } from '../../../kernel/auth/index.js';
import { Database, yieldedToOthers, type Tx } from '../../../kernel/database/index.js';
import { OperationalError, UserError } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { AccountHooks } from '../account-hooks.js';
import { isLastAdmin } from '../users.policy.js';
import { UsersRepository } from '../users.repository.js';
import { ErasureSweeper } from './erasure-sweeper.js';
import { ErasuresRepository } from './erasures.repository.js';

const TRIES = 12;
const PAUSE_MS = 150;

/**
 * Erases people (C5): in one transaction every module removes what it keeps about the person, by the hooks, and the
 * account becomes a tombstone that only keeps the id, for the audit trail. What has to end first, such as a running
 * job, is told to stop and removed when it has (`ErasureSweeper`). Nothing can be made for the person afterwards:
 * the database refuses rows of an erased owner.
 *
 * `UserError` 404 for somebody who does not exist or is erased already, 409 `last_admin`.
 */
@Injectable()
export class ErasuresService {
  constructor(
    private readonly database: Database,
    private readonly users: UsersRepository,
    private readonly erasures: ErasuresRepository,
    private readonly hooks: AccountHooks,
    private readonly audit: AuditService,
    private readonly sweeper: ErasureSweeper,
  ) {}

  /**
   * The person's row is locked first, then what is theirs; whoever makes something for them does it the other way
   * round. So the erasure never waits long for a lock, and begins again instead: 503 when that was in vain.
   */
  async erase(actor: Actor, userId: string): Promise<void> {
    const scope = this.database.system('erasure');
    for (let tries = 1; ; tries++) {
      try {
        return await scope.tx((tx) => this.eraseIn(tx, actor, userId));
      } catch (error) {
        if (!yieldedToOthers(error)) throw error;
        if (tries === TRIES)
          throw new OperationalError('account_busy', 'This account is in use at this moment; try again.', 2);
        await sleep(PAUSE_MS * (0.5 + Math.random()));
      }
    }
  }

  private async eraseIn(tx: Tx, actor: Actor, userId: string): Promise<void> {
    await this.erasures.waitOnlyBriefly(tx);
    // Admins before the user: two who erase each other would otherwise wait for each other.
    const admins = await this.users.lockActiveAdmins(tx);
    if (!(await this.users.findForUpdate(tx, userId))) throw UserError.notFound('user');
    if (isLastAdmin(userId, admins))
      throw UserError.conflict('last_admin', 'The last active admin cannot be erased.');
    await this.hooks.erased(tx, userId, heirOf(actor, userId, admins));
    await this.erasures.bury(tx, userId);
    await this.erasures.lookAfter(tx, userId);
    await this.audit.record(tx, { actor, action: 'user.erase', resource: { type: 'user', id: userId } });
    tx.afterCommit(() => this.sweeper.wake());
  }
}

/** The admin who erases somebody else; otherwise the one who has been there the longest. */
function heirOf(actor: Actor, userId: string, adminIds: readonly string[]): string | null {
  const others = adminIds.filter((id) => id !== userId);
  return others.find((id) => id === userIdOf(actor)) ?? others[0] ?? null;
}
