import type { DataSourceOptions } from 'typeorm';
import { SnakeCaseNaming } from './naming.js';

/** Longest time the server works on one statement of the application; then it is cancelled (57014). */
const STATEMENT_MS = 60_000;
/** Longest pause between two statements of a transaction; nothing but the database is waited for inside of one. */
const IDLE_MS = 20_000;
/** Longest wait for an answer: longer than the server's own limit, so it means that the network is gone. */
const ANSWER_MS = 75_000;

/**
 * Connection options of every process. Idle transactions are ended by the server after a while: one forgotten
 * transaction, or one of a machine that is gone, would otherwise keep its rows locked and hold back vacuum and the
 * delivery of events for everybody.
 */
export function dataSourceOptions(url: string, poolSize: number): DataSourceOptions {
  const limits = [`statement_timeout=${STATEMENT_MS}`, `idle_in_transaction_session_timeout=${IDLE_MS}`];
  return sourceOf(url, poolSize, limits, { query_timeout: ANSWER_MS });
}

/**
 * The same for migrations. They may take as long as they need, and change rows of everybody: without the context of
 * the system an owner who is no superuser would find the protected tables empty, and change nothing without a word.
 */
export function migrationOptions(url: string): DataSourceOptions {
  return sourceOf(url, 2, ['steward.system=migrations', 'idle_in_transaction_session_timeout=60000'], {});
}

function sourceOf(
  url: string,
  poolSize: number,
  settings: readonly string[],
  extra: object,
): DataSourceOptions {
  const all = ['timezone=UTC', ...settings];
  return {
    type: 'postgres',
    url,
    namingStrategy: new SnakeCaseNaming(),
    applicationName: 'steward',
    poolErrorHandler: () => undefined, // a dropped idle connection is replaced by the pool; health reports the outage
    extra: {
      max: poolSize,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: 10_000,
      options: all.map((setting) => `-c ${setting}`).join(' '),
      ...extra,
    },
  };
}
