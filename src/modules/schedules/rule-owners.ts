import { Injectable } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import type { Read } from '../../kernel/database/index.js';
import { UsersService } from '../users/index.js';

export type RuleActor = Extract<Actor, { type: 'schedule' }>;

/** A schedule acts for its owner with the owner's rights of now, whoever edits it or runs it by hand. */
@Injectable()
export class RuleOwners {
  constructor(private readonly users: UsersService) {}

  /** Null when the owner is deactivated or deleted, and nothing may be done in their name. */
  async actorFor(
    read: Read,
    rule: { readonly id: string; readonly userId: string },
  ): Promise<RuleActor | null> {
    return (await this.actorsFor(read, [rule])).get(rule.id) ?? null;
  }

  /** The same for many, by the ids of the rules; without those whose owner may do nothing. */
  async actorsFor(
    read: Read,
    rules: readonly { readonly id: string; readonly userId: string }[],
  ): Promise<ReadonlyMap<string, RuleActor>> {
    const rights = await this.users.rightsOfMany(read, [...new Set(rules.map(({ userId }) => userId))]);
    const actors = new Map<string, RuleActor>();
    for (const { id: ruleId, userId } of rules) {
      const { isActive, role } = rights.get(userId) ?? {};
      if (isActive && role) actors.set(ruleId, { type: 'schedule', userId, role, ruleId });
    }
    return actors;
  }
}
