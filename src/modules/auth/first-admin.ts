import { Injectable } from '@nestjs/common';
import { Settings, SettingsError } from '../../kernel/config/index.js';
import { Database } from '../../kernel/database/index.js';
import { PasswordHasher, UsersService, passwordProblem } from '../users/index.js';
import { oneTimePassword } from './one-time-password.js';

/**
 * Makes the first admin of an empty database, from the settings or with a generated password. Call it before
 * listening, so that nobody can register first. Of several processes starting at once one makes it.
 */
@Injectable()
export class FirstAdmin {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly hasher: PasswordHasher,
    private readonly settings: Settings,
  ) {}

  /**
   * Null when there are users already. `SettingsError` when the chosen password is one that nobody may have. `oneTimePassword` is to be shown once; it is null when the operator chose
   * the password, and stored nowhere but as a hash.
   */
  async ensure(): Promise<{ email: string; oneTimePassword: string | null } | null> {
    if ((await this.users.count(this.database.system('first admin').read)) > 0) return null;
    const email = this.settings.adminEmail;
    await this.refuseWeakSetting();
    const generated = this.settings.adminPassword === undefined ? oneTimePassword() : null;
    const passwordHash = await this.hasher.hash(generated ?? this.settings.adminPassword ?? '');
    const made = await this.database
      .system('first admin')
      .tx((tx) =>
        this.users.createFirst(
          tx,
          { type: 'system', name: 'first admin' },
          { email, passwordHash, role: 'admin', isVerified: true },
        ),
      );
    return made && { email, oneTimePassword: generated };
  }

  private async refuseWeakSetting(): Promise<void> {
    const { adminEmail: email, adminPassword } = this.settings;
    const problem = adminPassword === undefined ? null : await passwordProblem(adminPassword, { email });
    if (problem) throw new SettingsError([`STEWARD_ADMIN_PASSWORD ${problem.detail}`]);
  }
}
