import { Injectable } from '@nestjs/common';
import { Database, type Read } from '../../../kernel/database/index.js';
import { UsersService } from '../../users/index.js';
import { FactorSecrets } from './factor-secrets.js';
import { FactorsService } from './factors.service.js';
import { SecondFactorsRepository } from './second-factors.repository.js';

const ACTOR = { type: 'system', name: 'command line' } as const;

/** Lost second factors, for whoever can run commands on the server: also those of a locked-out admin. */
@Injectable()
export class OperatorFactors {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly factors: FactorsService,
    private readonly rows: SecondFactorsRepository,
    private readonly secrets: FactorSecrets,
  ) {}

  /** Null when nobody has this e-mail or username; `removed` is false when there is no factor. */
  async reset(identifier: string): Promise<{ email: string; removed: boolean } | null> {
    const user = await this.users.findByIdentifier(this.read, identifier);
    if (!user) return null;
    const removed = await this.rows.isEnrolled(this.read, user.id);
    if (removed) await this.factors.reset(ACTOR, user.id, 'operator');
    return { email: user.email, removed };
  }

  async isEnrolled(identifier: string): Promise<boolean> {
    const user = await this.users.findByIdentifier(this.read, identifier);
    return user !== null && this.rows.isEnrolled(this.read, user.id);
  }

  /** Whose factor the signing secret of now does not open, and how many people have one. */
  async unreadable(): Promise<{ userIds: readonly string[]; people: number }> {
    const rows = await this.rows.everyone(this.read);
    const broken = rows.filter((row) => !this.secrets.canOpen(row));
    return { userIds: [...new Set(broken.map(idOf))], people: new Set(rows.map(idOf)).size };
  }

  async resetAll(userIds: readonly string[]): Promise<void> {
    for (const userId of userIds) await this.factors.reset(ACTOR, userId, 'operator');
  }

  private get read(): Read {
    return this.database.system('command line').read;
  }
}

const idOf = ({ userId }: { readonly userId: string }): string => userId;
