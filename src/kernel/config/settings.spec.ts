import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { envExample, settingsTable } from './env-example.js';
import type { SettingDefinition } from './setting.js';
import { SETTINGS } from './settings.schema.js';
import { SettingsError, loadSettings } from './settings.js';

const SECRET = 'correct-horse-battery-staple-0123456789';

function problems(environment: Record<string, string>): readonly string[] {
  try {
    loadSettings(environment);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('loadSettings', () => {
  it('has a default for every setting', () => {
    const { dataDir, localRoots, ...others } = loadSettings({});
    expect(dataDir).toBe(path.resolve('data'));
    expect(localRoots).toEqual([path.resolve('data/files')]);
    expect(others).toEqual({
      nodeEnv: 'development',
      port: undefined,
      host: '127.0.0.1',
      databaseUrl: undefined,
      databasePoolSize: 10,
      storeWaitSeconds: 60,
      redisUrl: undefined,
      role: 'all',
      secret: undefined,
      adminEmail: 'admin@steward.local',
      adminPassword: undefined,
      demo: true,
      installPackages: true,
      rclonePath: undefined,
      fileJobs: 20,
      fileJobsPerRemote: 4,
      fileJobsPerUser: 8,
      remotesKey: undefined,
      remotesPreviousKey: undefined,
      remotesAllowedHosts: [],
      remotesMadeBy: 'users',
      remotesCheckSeconds: 900,
      workerConcurrency: 10,
      accessTokenSeconds: 600,
      sessionIdleSeconds: 14 * 86_400,
      sessionAbsoluteSeconds: 90 * 86_400,
      mfaRequiredRoles: [],
      argon2MemoryKib: 19_456,
      argon2Passes: 2,
      argon2Lanes: 1,
      maxSessions: 20,
      loginFloorMs: 300,
      rateLimitUser: 600,
      rateLimitAnonymous: 60,
      loginLimitAddress: 10,
      loginLimitAccount: 5,
      guessLimitAddress: 30,
      trustedProxies: [],
      uploadLimitMb: 10_000,
      smtpUrl: undefined,
      mailFrom: 'Steward <steward@localhost>',
      publicUrl: undefined,
      store: 'local',
      s3Endpoint: undefined,
      s3Region: 'us-east-1',
      s3Bucket: undefined,
      s3AccessKey: undefined,
      s3SecretKey: undefined,
      s3PathStyle: true,
      jobDays: 365,
      jobLogDays: 30,
      eventDays: 30,
      backupDays: 30,
      archiveJobs: true,
      archiveJobLogs: false,
      shutdownSeconds: 10,
      queueBoard: true,
      logLevel: 'info',
      logFormat: 'auto',
    });
  });

  it.each([
    [47_104, 1],
    [19_456, 2],
    [12_288, 3],
    [9_216, 4],
    [7_168, 5],
    [7_168, 9],
  ])('lets argon2 work with %i KiB in %i passes and not with less, as OWASP asks', (memory, passes) => {
    const load = (kib: number) =>
      loadSettings({ STEWARD_ARGON2_MEMORY_KIB: String(kib), STEWARD_ARGON2_PASSES: String(passes) });
    expect(load(memory)).toMatchObject({ argon2MemoryKib: memory, argon2Passes: passes });
    expect(() => load(memory - 1)).toThrow('STEWARD_ARGON2_MEMORY_KIB');
  });

  it('is frozen', () => {
    expect(Object.isFrozen(loadSettings({}))).toBe(true);
  });

  it('takes an empty value for an absent one', () => {
    expect(loadSettings({ PORT: '', STEWARD_DEMO: '', STEWARD_SECRET_FILE: '' })).toEqual(loadSettings({}));
  });

  it('reports all problems at once, each with its variable and its value', () => {
    const environment = { PORT: 'http', STEWARD_ROLE: 'king', STEWARD_WORKER_CONCURRENCY: '0' };
    expect(problems(environment)).toEqual([
      'PORT must be a whole number (it is "http")',
      'STEWARD_ROLE must be one of all, api, worker, scheduler (it is "king")',
      'STEWARD_WORKER_CONCURRENCY must be between 1 and 500 (it is "0")',
    ]);
    expect(() => loadSettings(environment)).toThrow(
      /its settings have 3 problem\(s\):\n {2}- PORT .*\n {2}- /,
    );
  });

  it('refuses a misspelt name and says which one was meant', () => {
    expect(problems({ STEWARD_WORKER_CONCURENCY: '3' })).toEqual([
      'STEWARD_WORKER_CONCURENCY is not a setting; did you mean STEWARD_WORKER_CONCURRENCY?',
    ]);
    expect(problems({ STEWARD_FAVOURITE_COLOUR: 'blue' })).toEqual([
      'STEWARD_FAVOURITE_COLOUR is not a setting',
    ]);
  });

  it('leaves variables of others alone', () => {
    expect(
      problems({ PATH: '/usr/bin', npm_config_cache: '/tmp', STEWARD_TEST_NOT_RUN_FILE: '/tmp/x' }),
    ).toEqual([]);
  });

  it.each(['STEWARD_SECRET', 'STEWARD_ADMIN_PASSWORD', 'DATABASE_URL', 'REDIS_URL'])(
    'never shows the value of %s',
    (name) => {
      const text = problems({ [name]: 'hunter2' }).join('\n');
      expect(text).toContain(name);
      expect(text).not.toContain('hunter2');
    },
  );

  it('marks as secret everything that holds one', () => {
    const secrets = Object.values<SettingDefinition>(SETTINGS).filter(({ secret }) => secret);
    expect(secrets.map(({ env }) => env)).toEqual([
      'DATABASE_URL',
      'DATABASE_MIGRATION_URL',
      'REDIS_URL',
      'STEWARD_S3_SECRET_KEY',
      'STEWARD_REMOTES_KEY',
      'STEWARD_REMOTES_PREVIOUS_KEY',
      'STEWARD_SECRET',
      'STEWARD_ADMIN_PASSWORD',
      'STEWARD_SMTP_URL',
    ]);
  });

  it('wants all of a bucket for a store in one, and none of it for a folder', () => {
    const whole = {
      STEWARD_STORE: 's3',
      STEWARD_S3_ENDPOINT: 'https://s3.example.org',
      STEWARD_S3_BUCKET: 'steward',
      STEWARD_S3_ACCESS_KEY: 'a',
      STEWARD_S3_SECRET_KEY: 'b',
    };
    expect(problems(whole)).toEqual([]);
    expect(problems({ STEWARD_STORE: 's3' })).toEqual([
      'STEWARD_S3_ENDPOINT is required with STEWARD_STORE=s3',
      'STEWARD_S3_BUCKET is required with STEWARD_STORE=s3',
      'STEWARD_S3_ACCESS_KEY is required with STEWARD_STORE=s3',
      'STEWARD_S3_SECRET_KEY is required with STEWARD_STORE=s3',
    ]);
    for (const bucket of ['Upper', 'a', 'a/b', '../x', 'b_c', '-x', 'x'.repeat(64)])
      expect(problems({ ...whole, STEWARD_S3_BUCKET: bucket })).toHaveLength(1);
    expect(problems({ STEWARD_STORE: 'ftp' })).toEqual(['STEWARD_STORE must be local or s3 (it is "ftp")']);
  });

  it('wants a sender for a mail server, and only one that can stand in a header', () => {
    const smtp = { STEWARD_SMTP_URL: 'smtp://mail.example.org' };
    expect(problems(smtp)).toEqual([
      'STEWARD_MAIL_FROM is required with STEWARD_SMTP_URL: most servers refuse unknown senders',
    ]);
    for (const from of ['me@example.org', 'Steward <me@example.org>', 'دستیار <me@مثال.ایران>'])
      expect(problems({ ...smtp, STEWARD_MAIL_FROM: from })).toEqual([]);
    for (const from of ['me', 'Me <me>', 'a@b, c@d', 'A <a@b>, C <c@d>', 'Me\nBcc: x <me@example.org>'])
      expect(problems({ ...smtp, STEWARD_MAIL_FROM: from })).toHaveLength(1);
  });

  it('wants the idle limit of a session inside the absolute one', () => {
    const limits = { STEWARD_SESSION_IDLE_SECONDS: '120', STEWARD_SESSION_ABSOLUTE_SECONDS: '60' };
    expect(problems(limits)).toEqual([
      'STEWARD_SESSION_IDLE_SECONDS must not be larger than STEWARD_SESSION_ABSOLUTE_SECONDS',
    ]);
  });
});

describe('the roles that demand a second factor', () => {
  const roles = (text: string) => loadSettings({ STEWARD_MFA_REQUIRED_ROLES: text }).mfaRequiredRoles;

  it('are a list, in which spaces and repetitions do no harm', () => {
    expect(roles('admin')).toEqual(['admin']);
    expect(roles(' admin , power_user,,admin')).toEqual(['admin', 'power_user']);
    expect(roles(' ')).toEqual([]);
  });

  it.each(['root', 'Admin', 'admin;user', 'admin user'])('are known ones, not %j', (text) =>
    expect(problems({ STEWARD_MFA_REQUIRED_ROLES: text })).toEqual([
      `STEWARD_MFA_REQUIRED_ROLES must name roles, separated by commas: user, power_user, admin (it is "${text}")`,
    ]),
  );
});

describe('in production', () => {
  const production = { NODE_ENV: 'production' };
  const url = 'postgres://steward:pw@db/steward';

  it('there is no demo data, and asking for it is refused', () => {
    expect(loadSettings(production).demo).toBe(false);
    expect(problems({ ...production, STEWARD_DEMO: 'true' })).toEqual([
      'STEWARD_DEMO must not be true when NODE_ENV is production',
    ]);
  });

  it('a database of its own needs a secret, because several processes may sign', () => {
    expect(problems({ ...production, DATABASE_URL: url })).toEqual([
      'STEWARD_SECRET is required in production with DATABASE_URL, so that every process signs alike',
    ]);
    expect(problems({ ...production, DATABASE_URL: url, STEWARD_SECRET: SECRET })).toEqual([]);
    expect(problems(production)).toEqual([]);
  });
});

describe('NAME_FILE', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'steward-settings-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (text: string): string => {
    const file = path.join(folder, 'value');
    writeFileSync(file, text);
    return file;
  };

  it('gives the value from a file, without its last line break', () => {
    expect(loadSettings({ STEWARD_SECRET_FILE: write(`${SECRET}\n`) }).secret).toBe(SECRET);
    expect(loadSettings({ PORT_FILE: write('8080\r\n') }).port).toBe(8080);
  });

  it('is refused when the value is given both ways', () => {
    expect(problems({ STEWARD_SECRET: SECRET, STEWARD_SECRET_FILE: write(SECRET) })).toEqual([
      'STEWARD_SECRET and STEWARD_SECRET_FILE are both set; keep one',
    ]);
  });

  it('is refused when it cannot be read', () => {
    const [problem, ...others] = problems({ STEWARD_SECRET_FILE: path.join(folder, 'missing') });
    expect(problem).toMatch(/^STEWARD_SECRET_FILE cannot be read: ENOENT/);
    expect(others).toEqual([]);
  });
});

describe('what is written about the settings', () => {
  it('has every setting in .env.example and in the table, with the help and the example', () => {
    for (const { env, help, example } of Object.values<SettingDefinition>(SETTINGS)) {
      expect(envExample()).toContain(`\n# ${help}\n# ${env}=${example}\n`);
      expect(settingsTable()).toContain(`| \`${env}\` | ${help} | \`${example}\` |`);
    }
  });

  it('shows examples that are valid', () => {
    const environment = Object.fromEntries(
      Object.values<SettingDefinition>(SETTINGS).map(({ env, example }) => [env, example]),
    );
    expect(problems(environment)).toEqual([]);
  });
});
