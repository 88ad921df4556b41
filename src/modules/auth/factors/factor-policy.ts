import { Injectable } from '@nestjs/common';
import type { UserRole } from '../../../kernel/auth/index.js';
import { Settings } from '../../../kernel/config/index.js';
import type { Read } from '../../../kernel/database/index.js';
import { SecondFactorsRepository } from './second-factors.repository.js';

/** Of whom a second factor is demanded (ASVS 6.3.3). A change of the setting counts from the next start on. */
@Injectable()
export class FactorPolicy {
  constructor(
    private readonly settings: Settings,
    private readonly factors: SecondFactorsRepository,
  ) {}

  demands(role: UserRole): boolean {
    return this.settings.mfaRequiredRoles.includes(role);
  }

  isMissing({ role, hasFactor }: { readonly role: UserRole; readonly hasFactor: boolean }): boolean {
    return !hasFactor && this.demands(role);
  }

  /**
   * The same for whoever does not know yet whether there is a factor, such as an API key: asks the database only
   * where the role demands one. `read` must see the person's rows.
   */
  async mustEnrol(read: Read, { userId, role }: { userId: string; role: UserRole }): Promise<boolean> {
    return this.demands(role) && !(await this.factors.isEnrolled(read, userId));
  }
}
