import { z } from 'zod';
import { flag, integer, text, wholeNumber, type SettingDefinition } from './setting.js';

export const ROLES = ['all', 'api', 'worker', 'scheduler'] as const;
export type ProcessRole = (typeof ROLES)[number];
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;

/** The process itself: where it listens, what it does, what it logs. */
export const SERVER_SETTINGS = {
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
  role: {
    env: 'STEWARD_ROLE',
    help: 'What this process does: all, api, worker or scheduler.',
    schema: z
      .enum(ROLES, { error: `must be one of ${ROLES.join(', ')}` })
      .optional()
      .transform((value) => value ?? 'all'),
    example: 'all',
  },
  shutdownSeconds: {
    env: 'STEWARD_SHUTDOWN_SECONDS',
    help: 'After SIGTERM or SIGINT: requests and jobs get this many seconds to finish; jobs still running then are handed back to the queue.',
    schema: wholeNumber(10, 1, 600),
    example: '10',
  },
  queueBoard: {
    env: 'STEWARD_QUEUE_BOARD',
    help: 'Whether admins may look into the queue at /admin/queues.',
    schema: flag(true),
    example: 'true',
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
