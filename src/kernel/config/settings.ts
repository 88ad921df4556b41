import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { argon2Problem } from './password.settings.js';
import type { ProcessRole } from './server.settings.js';
import type { SettingDefinition } from './setting.js';
import { SETTINGS, type SettingsShape } from './settings.schema.js';
import { missingForS3 } from './store.settings.js';

const SettingsBase = class {} as new () => Readonly<SettingsShape>;

/** Injection token and type of the settings. Nothing else in the process reads the environment. */
export abstract class Settings extends SettingsBase {}

/** Whether this process does the work of `role`, or of one of several. */
export function serves(settings: Settings, ...roles: Exclude<ProcessRole, 'all'>[]): boolean {
  return settings.role === 'all' || roles.includes(settings.role);
}

/** Every problem of the environment at once, each naming its variable. */
export class SettingsError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(
      `Steward cannot start, its settings have ${problems.length} problem(s):\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings from `environment`, in which values of a `.env` file in the working directory stand in for
 * absent variables. Throws `SettingsError` listing every problem; an unknown `STEWARD_*` name is one.
 */
export function loadSettings(environment: Environment = withDotEnv(process.env)): Settings {
  const problems: string[] = unknownNames(environment);
  const values: Record<string, unknown> = {};
  for (const [key, definition] of Object.entries<SettingDefinition>(SETTINGS)) {
    const raw = rawValue(environment, definition.env, problems);
    const parsed = definition.schema.safeParse(raw);
    if (parsed.success) values[key] = parsed.data;
    else
      problems.push(
        `${definition.env} ${parsed.error.issues[0]?.message ?? 'is malformed'}${shown(definition, raw)}`,
      );
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return Object.freeze(withDerived(values as unknown as RawShape, environment));
}

type RawShape = Omit<SettingsShape, 'demo' | 'localRoots' | 'searchPath'> & {
  demo?: string;
  localRoots?: string[];
};

/** Rules between settings: they need all single values to be well formed. */
function withDerived(raw: RawShape, environment: Environment): Settings {
  const production = raw.nodeEnv === 'production';
  const problems: string[] = [];
  if (production && raw.demo === 'true')
    problems.push('STEWARD_DEMO must not be true when NODE_ENV is production');
  if (production && raw.databaseUrl !== undefined && raw.secret === undefined)
    problems.push(
      'STEWARD_SECRET is required in production with DATABASE_URL, so that every process signs alike',
    );
  if (raw.databaseMigrationUrl !== undefined && raw.databaseUrl === undefined)
    problems.push('DATABASE_MIGRATION_URL needs DATABASE_URL, the same database for another user');
  if (raw.sessionIdleSeconds > raw.sessionAbsoluteSeconds)
    problems.push('STEWARD_SESSION_IDLE_SECONDS must not be larger than STEWARD_SESSION_ABSOLUTE_SECONDS');
  const argon2 = argon2Problem(raw.argon2MemoryKib, raw.argon2Passes);
  if (argon2 !== null) problems.push(argon2);
  if (raw.smtpUrl !== undefined && rawValue(environment, 'STEWARD_MAIL_FROM', problems) === undefined)
    problems.push('STEWARD_MAIL_FROM is required with STEWARD_SMTP_URL: most servers refuse unknown senders');
  problems.push(...missingForS3(raw));
  if (problems.length > 0) throw new SettingsError(problems);
  return {
    ...raw,
    demo: raw.demo === undefined ? !production : raw.demo === 'true',
    searchPath: environment['PATH'],
    localRoots: raw.localRoots ?? [path.join(raw.dataDir, 'files')],
  };
}

/**
 * The signing secret: the setting, or one generated once into `<data>/secret` (mode 0600) and kept, so that
 * tokens survive a restart. Processes on other machines must be given STEWARD_SECRET.
 */
export function signingSecret(settings: Settings): string {
  if (settings.secret !== undefined) return settings.secret;
  const file = path.join(settings.dataDir, 'secret');
  if (!existsSync(file)) {
    mkdirSync(settings.dataDir, { recursive: true });
    try {
      writeFileSync(file, randomBytes(48).toString('base64url'), { mode: 0o600, flag: 'wx' });
    } catch (error) {
      // Another process starting at the same moment has just written it: use that one.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return readFileSync(file, 'utf8');
}

function withDotEnv(environment: Environment): Environment {
  const file = path.resolve('.env');
  return existsSync(file) ? { ...parseEnv(readFileSync(file, 'utf8')), ...environment } : environment;
}

function unknownNames(environment: Environment): string[] {
  const known = new Set(
    Object.values<SettingDefinition>(SETTINGS).flatMap(({ env }) => [env, `${env}_FILE`]),
  );
  return Object.keys(environment)
    .filter((name) => name.startsWith('STEWARD_') && !name.startsWith('STEWARD_TEST_') && !known.has(name))
    .map((name) => `${name} is not a setting${nearest(name, known)}`);
}

function rawValue(environment: Environment, name: string, problems: string[]): string | undefined {
  const direct = environment[name];
  const file = environment[`${name}_FILE`];
  if (file === undefined || file === '') return direct === '' ? undefined : direct;
  if (direct !== undefined && direct !== '') problems.push(`${name} and ${name}_FILE are both set; keep one`);
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    problems.push(`${name}_FILE cannot be read: ${(error as Error).message}`);
    return undefined;
  }
}

function shown(definition: SettingDefinition, raw: string | undefined): string {
  return definition.secret || raw === undefined ? '' : ` (it is "${raw.slice(0, 100)}")`;
}

function nearest(name: string, known: ReadonlySet<string>): string {
  const best = [...known]
    .map((candidate) => [distance(name, candidate), candidate] as const)
    .toSorted((a, b) => a[0] - b[0])[0];
  return best && best[0] <= 4 ? `; did you mean ${best[1]}?` : '';
}

/** Levenshtein distance: for suggestions only, so the plain quadratic form is enough. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}
