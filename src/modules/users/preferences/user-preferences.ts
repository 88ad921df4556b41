import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { UserActor } from '../../../kernel/auth/index.js';
import { Database, type Read } from '../../../kernel/database/index.js';
import { UserError, requireVersion, type Versioned } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { AccountHooks } from '../account-hooks.js';
import { jsonBytes } from '../bounded-object.js';
import { mergePatch } from './merge-patch.js';
import { PreferencesRepository, type Locality, type PreferencesRow } from './preferences.repository.js';
import { SETTINGS_MAX_BYTES, type PreferencesPatch, type PreferencesView } from './preferences.schema.js';
import type { UserPreferencesEntity } from './user-preferences.entity.js';

/** Of whoever has never changed anything; the columns of the table say the same. */
const DEFAULTS: PreferencesRow = {
  theme: 'light',
  language: 'en',
  timezone: 'UTC',
  notifications: {},
  uiSettings: {},
  apiSettings: {},
  preferences: {},
  version: 0,
};

/**
 * What each user prefers (S1-28, S2-15). One row a user, made by the first change; before that everybody has the
 * defaults. Changes of the same user follow one another, so none is lost.
 */
@Injectable()
export class UserPreferences implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly preferences: PreferencesRepository,
    private readonly audit: AuditService,
    private readonly hooks: AccountHooks,
  ) {}

  onModuleInit(): void {
    this.hooks.register({
      module: 'users',
      erased: (tx, userId) => this.preferences.remove(tx, userId),
      exported: (userId) => [{ name: 'preferences', rows: this.exported(userId) }],
    });
  }

  /**
   * In which language and time zone to speak to somebody. `read` must be one that sees the user's rows: theirs, or
   * the system's; any other finds nobody's choice and gives the defaults.
   */
  async of(read: Read, userId: string): Promise<Locality> {
    const { language, timezone } = (await this.preferences.locality(read, userId)) ?? DEFAULTS;
    return { language, timezone };
  }

  /** The same for somebody who has ever chosen anything; null for all others. */
  async chosen(read: Read, userId: string): Promise<Locality | null> {
    return this.preferences.locality(read, userId);
  }

  async own(actor: UserActor): Promise<Versioned<PreferencesView>> {
    return versioned(await this.preferences.find(this.database.as(actor).read, actor.userId));
  }

  /**
   * Applies a JSON Merge Patch. 412 when `expected` is not the present version; 400 naming the object that would
   * become larger than 16 KiB.
   */
  async change(
    actor: UserActor,
    expected: number | null,
    patch: PreferencesPatch,
  ): Promise<Versioned<PreferencesView>> {
    const { userId } = actor;
    return this.database.as(actor).tx(async (tx) => {
      const before = await this.preferences.claim(tx, userId);
      requireVersion('set of preferences', expected, before.version);
      if (Object.keys(patch).length === 0) return versioned(before);
      const next = merged(before, patch);
      await this.preferences.update(tx, userId, { ...next, version: before.version + 1 });
      await this.audit.record(tx, {
        actor,
        action: 'user.update_preferences',
        resource: { type: 'user', id: userId },
        details: { fields: Object.keys(patch).toSorted() },
      });
      return versioned(await this.preferences.find(tx, userId));
    });
  }

  private async *exported(userId: string): AsyncIterable<object> {
    const row = await this.preferences.find(this.database.system('export').read, userId);
    if (row) yield toView(row);
  }
}

function merged(before: PreferencesRow, patch: PreferencesPatch): PreferencesRow {
  // A member that `null` has removed is the default: a column cannot be absent.
  const next = { ...DEFAULTS, ...(mergePatch(chosenOf(before), patch) as Partial<PreferencesRow>) };
  for (const [name, value] of Object.entries(next))
    if (typeof value === 'object' && jsonBytes(value) > SETTINGS_MAX_BYTES)
      throw UserError.field(
        `/${name}`,
        'too_big',
        `would have more than ${SETTINGS_MAX_BYTES} bytes as JSON`,
      );
  return next;
}

const versioned = (row: UserPreferencesEntity | null): Versioned<PreferencesView> => ({
  version: row?.version ?? DEFAULTS.version,
  body: toView(row ?? { ...DEFAULTS, updatedAt: null }),
});

const chosenOf = (row: PreferencesRow): Omit<PreferencesRow, 'version'> => ({
  theme: row.theme,
  language: row.language,
  timezone: row.timezone,
  notifications: row.notifications,
  uiSettings: row.uiSettings,
  apiSettings: row.apiSettings,
  preferences: row.preferences,
});

const toView = (row: PreferencesRow & { updatedAt: Date | null }): PreferencesView => ({
  ...chosenOf(row),
  updatedAt: row.updatedAt?.toISOString() ?? null,
});
