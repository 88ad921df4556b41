import path from 'node:path';
import { z } from 'zod';

/** What one environment variable means: everything the loader, `.env.example` and the README table need. */
export interface SettingDefinition {
  readonly env: string;
  /** For the operator: one or two sentences, with units. */
  readonly help: string;
  /** Parses the raw text; `undefined` means the variable is absent or empty. */
  readonly schema: z.ZodType<unknown, string | undefined>;
  /** Shown in `.env.example` and the README; the schema itself applies the default. */
  readonly example: string;
  /** Never logged or echoed. */
  readonly secret?: true;
}

const text = (fallback: string) =>
  z
    .string()
    .optional()
    .transform((value) => value ?? fallback);
const optionalText = () => z.string().optional();
const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .optional()
    .transform((value) => (value === undefined ? fallback : value === 'true'));
const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`);
const wholeNumber = (fallback: number, min: number, max: number) =>
  integer(min, max)
    .optional()
    .transform((value) => value ?? fallback);
const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
      `must be a URL beginning with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    )
    .optional();

export const ROLES = ['all', 'api', 'worker', 'scheduler'] as const;
export type ProcessRole = (typeof ROLES)[number];
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

/**
 * Every setting there is. The loader refuses any other `STEWARD_*` variable, so a misspelt name cannot silently
 * keep a default. Any variable can also be given as `NAME_FILE`, the path of a file that holds the value.
 */
export const SETTINGS = {
  nodeEnv: {
    env: 'NODE_ENV',
    help: 'production refuses demo data and asks for STEWARD_SECRET when DATABASE_URL is set.',
    schema: z
      .enum(['development', 'production', 'test'], { error: 'must be development, production or test' })
      .optional()
      .transform((value) => value ?? 'development'),
    example: 'development',
  },
  port: {
    env: 'PORT',
    help: 'HTTP port. When absent: 3000, or the next free one if that is taken. When set and taken: refused.',
    schema: integer(0, 65535).optional(),
    example: '3000',
  },
  host: {
    env: 'HOST',
    help: 'Address to listen on. 0.0.0.0 for every interface.',
    schema: text('127.0.0.1'),
    example: '127.0.0.1',
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    help: 'PostgreSQL to use (15 or newer). When absent an embedded PostgreSQL is started under the data directory.',
    schema: url('postgres:', 'postgresql:'),
    example: 'postgres://steward:password@localhost:5432/steward',
    secret: true,
  },
  databasePoolSize: {
    env: 'DATABASE_POOL_SIZE',
    help: 'Database connections of one process for its queries. The queue on PostgreSQL needs up to 10 more.',
    schema: wholeNumber(10, 2, 200),
    example: '10',
  },
  redisUrl: {
    env: 'REDIS_URL',
    help: 'Redis for the queue and live events (maxmemory-policy noeviction). When absent PostgreSQL does its work.',
    schema: url('redis:', 'rediss:'),
    example: 'redis://localhost:6379',
    secret: true,
  },
  role: {
    env: 'STEWARD_ROLE',
    help: 'What this process does: all, api, worker or scheduler.',
    schema: z
      .enum(ROLES, { error: `must be one of ${ROLES.join(', ')}` })
      .optional()
      .transform((value) => value ?? 'all'),
    example: 'all',
  },
  dataDir: {
    env: 'STEWARD_DATA_DIR',
    help: 'Folder for the embedded database, generated secrets and the default file root.',
    schema: text('./data').transform((value) => path.resolve(value)),
    example: './data',
  },
  secret: {
    env: 'STEWARD_SECRET',
    help: 'Signs access and refresh tokens: at least 32 characters, the same for every process. When absent one is generated into the data directory.',
    schema: z.string().min(32, 'must have at least 32 characters').optional(),
    example: 'the output of: openssl rand -base64 48',
    secret: true,
  },
  adminEmail: {
    env: 'STEWARD_ADMIN_EMAIL',
    help: 'E-mail of the first admin, created in an empty database.',
    schema: z
      .string()
      .regex(/^[^@\s]+@[^@\s]+$/, 'must be an e-mail address')
      .optional()
      .transform((value) => value ?? 'admin@steward.local'),
    example: 'admin@steward.local',
  },
  adminPassword: {
    env: 'STEWARD_ADMIN_PASSWORD',
    help: 'Password of the first admin (8 to 128 characters). When absent a one-time password is generated and printed once.',
    schema: z
      .string()
      .min(8, 'must have at least 8 characters')
      .max(128, 'must have at most 128 characters')
      .optional(),
    example: 'a long sentence you remember',
    secret: true,
  },
  localRoots: {
    env: 'STEWARD_LOCAL_ROOTS',
    help: 'Comma-separated folders that local remotes may live in. When absent: the folder files under the data directory.',
    schema: optionalText().transform((value) =>
      value === undefined
        ? undefined
        : value
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== '')
            .map((part) => path.resolve(part)),
    ),
    example: '/srv/files,/mnt/archive',
  },
  demo: {
    env: 'STEWARD_DEMO',
    help: 'Put demo data into an empty database. Default: true outside production; true is refused in production.',
    schema: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
    example: 'true',
  },
  installPackages: {
    env: 'STEWARD_INSTALL_PACKAGES',
    help: '`npm run up` may install rclone through the system package manager.',
    schema: flag(true),
    example: 'true',
  },
  rclonePath: {
    env: 'RCLONE_PATH',
    help: 'The rclone program. When absent it is looked up on PATH.',
    schema: optionalText(),
    example: '/usr/bin/rclone',
  },
  workerConcurrency: {
    env: 'STEWARD_WORKER_CONCURRENCY',
    help: 'Queue messages one process works on at the same time, per queue.',
    schema: wholeNumber(10, 1, 500),
    example: '10',
  },
  accessTokenSeconds: {
    env: 'STEWARD_ACCESS_TOKEN_SECONDS',
    help: 'Life of an access token, in seconds.',
    schema: wholeNumber(600, 30, 86_400),
    example: '600',
  },
  sessionIdleSeconds: {
    env: 'STEWARD_SESSION_IDLE_SECONDS',
    help: 'A session ends when it has not been refreshed for this many seconds (default 14 days).',
    schema: wholeNumber(14 * 86_400, 60, 365 * 86_400),
    example: '1209600',
  },
  sessionAbsoluteSeconds: {
    env: 'STEWARD_SESSION_ABSOLUTE_SECONDS',
    help: 'A session ends this many seconds after login whatever happens (default 90 days).',
    schema: wholeNumber(90 * 86_400, 60, 3650 * 86_400),
    example: '7776000',
  },
  shutdownSeconds: {
    env: 'STEWARD_SHUTDOWN_SECONDS',
    help: 'After SIGTERM or SIGINT: requests and jobs get this many seconds to finish; jobs still running then are handed back to the queue.',
    schema: wholeNumber(10, 1, 600),
    example: '10',
  },
  logLevel: {
    env: 'LOG_LEVEL',
    help: `One of ${LOG_LEVELS.join(', ')}.`,
    schema: z
      .enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` })
      .optional()
      .transform((value) => value ?? 'info'),
    example: 'info',
  },
  logFormat: {
    env: 'LOG_FORMAT',
    help: 'pretty, json, or auto: pretty in a terminal and JSON otherwise.',
    schema: z
      .enum(['auto', 'pretty', 'json'], { error: 'must be auto, pretty or json' })
      .optional()
      .transform((value) => value ?? 'auto'),
    example: 'auto',
  },
} as const satisfies Record<string, SettingDefinition>;

type RawSettings = { [K in keyof typeof SETTINGS]: z.output<(typeof SETTINGS)[K]['schema']> };

/** The settings of one process: typed, complete, frozen. Injected as the class token `Settings`. */
export interface SettingsShape extends Omit<RawSettings, 'demo' | 'localRoots'> {
  readonly demo: boolean;
  readonly localRoots: readonly string[];
  /** PATH: where programs are looked for. */
  readonly searchPath?: string | undefined;
}
