import type { z } from 'zod';
import { ACCOUNT_SETTINGS } from './account.settings.js';
import { LIMITS_SETTINGS } from './limits.settings.js';
import { FACTOR_SETTINGS } from './factor.settings.js';
import { PASSWORD_SETTINGS } from './password.settings.js';
import { MAIL_SETTINGS } from './mail.settings.js';
import { REMOTES_SETTINGS } from './remotes.settings.js';
import { RETENTION_SETTINGS } from './retention.settings.js';
import { SERVER_SETTINGS } from './server.settings.js';
import type { SettingDefinition } from './setting.js';
import { STORAGE_SETTINGS } from './storage.settings.js';
import { STORE_SETTINGS } from './store.settings.js';

/**
 * Every setting there is. The loader refuses any other `STEWARD_*` variable, so a misspelt name cannot silently
 * keep a default. Any variable can also be given as `NAME_FILE`, the path of a file that holds the value.
 */
export const SETTINGS = {
  ...SERVER_SETTINGS,
  ...STORAGE_SETTINGS,
  ...STORE_SETTINGS,
  ...RETENTION_SETTINGS,
  ...REMOTES_SETTINGS,
  ...ACCOUNT_SETTINGS,
  ...FACTOR_SETTINGS,
  ...PASSWORD_SETTINGS,
  ...MAIL_SETTINGS,
  ...LIMITS_SETTINGS,
} as const satisfies Record<string, SettingDefinition>;

type RawSettings = { [K in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[K]['schema']> };

/** The settings of one process: typed, complete, frozen. Injected as the class token `Settings`. */
export interface SettingsShape extends Omit<RawSettings, 'demo' | 'localRoots'> {
  readonly demo: boolean;
  readonly localRoots: readonly string[];
  /** PATH: where programs are looked for. */
  readonly searchPath?: string | undefined;
}
