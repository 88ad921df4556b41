import { Injectable } from '@nestjs/common';
import type { Actor } from '../../kernel/auth/index.js';
import type { Read } from '../../kernel/database/index.js';
import { UsersService } from '../users/index.js';

export type RuleActor = Extract<Actor, { type: 'schedule' | 'system' }>;

interface Owned {
  readonly id: string;
  readonly userId: string | null;
  readonly systemKey: string | null;
}

/**
 * A schedule acts for its owner with the owner's rights of now, whoever edits it or runs it by hand. One of the system
 * acts for nobody.
 */
@Injectable()
export class RuleOwners {
  constructor(private readonly users: UsersService) {}

  /** Null when the owner is deactivated or deleted, and nothing may be done in their name. */
  async actorFor(read: Read, rule: Owned): Promise<RuleActor | null> {
    return (await this.actorsFor(read, [rule])).get(rule.id) ?? null;
  }

  /** The same for many, by the ids of the rules; without those whose owner may do nothing. */
  async actorsFor(read: Read, rules: readonly Owned[]): Promise<ReadonlyMap<string, RuleActor>> {
    const owners = new Set(rules.flatMap(({ userId }) => userId ?? []));
    const rights = await this.users.rightsOfMany(read, [...owners]);
    const actors = new Map<string, RuleActor>();
    for (const { id: ruleId, userId, systemKey } of rules) {
      if (userId === null) {
        actors.set(ruleId, { type: 'system', name: `schedule ${systemKey ?? ruleId}` });
        continue;
      }
      const { isActive, role } = rights.get(userId) ?? {};
      if (isActive && role) actors.set(ruleId, { type: 'schedule', userId, role, ruleId });
    }
    return actors;
  }
}
