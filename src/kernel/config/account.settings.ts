import { z } from 'zod';
import { wholeNumber, type SettingDefinition } from './setting.js';

/** Accounts, sessions and the secret behind them. */
export const ACCOUNT_SETTINGS = {
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
    help: 'Password of the first admin (8 to 128 characters, neither a common one nor the e-mail address). When absent a one-time password is generated and printed once.',
    schema: z
      .string()
      .min(8, 'must have at least 8 characters')
      .max(128, 'must have at most 128 characters')
      .optional(),
    example: 'a long sentence you remember',
    secret: true,
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
  maxSessions: {
    env: 'STEWARD_MAX_SESSIONS',
    help: 'Sessions one user can have at a time; a login beyond that ends the one that was not used for longest.',
    schema: wholeNumber(20, 1, 1_000),
    example: '20',
  },
} as const satisfies Record<string, SettingDefinition>;
