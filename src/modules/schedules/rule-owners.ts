import { Injectable } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import type { Read } from '../../kernel/database/index.js';
import { UsersService } from '../users/index.js';

/** A schedule acts for its owner with the owner's rights of now, whoever edits it or runs it by hand. */
@Injectable()
export class RuleOwners {
  constructor(private readonly users: UsersService) {}

  /** Null when the owner is deactivated or deleted, and nothing may be done in their name. */
  async actorFor(
    read: Read,
    rule: { readonly id: string; readonly userId: string },
  ): Promise<Extract<Actor, { type: 'schedule' }> | null> {
    const rights = await this.users.rightsOf(read, rule.userId);
    if (!rights?.isActive) return null;
    return { type: 'schedule', userId: rule.userId, role: rights.role, ruleId: rule.id };
  }
}
