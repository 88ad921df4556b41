import type { DataSourceOptions } from 'typeorm';
import { SnakeCaseNaming } from './naming.js';

/** Longest time the server works on one statement of the application; then it is cancelled (57014). */
const STATEMENT_MS = 60_000;
/** Longest wait for an answer: longer than the server's own limit, so it means that the network is gone. */
const ANSWER_MS = 75_000;

/**
 * Connection options of every process. Idle transactions are ended by the server after a minute: one forgotten
 * transaction would otherwise hold back vacuum and the delivery of events for everybody.
 */
export function dataSourceOptions(url: string, poolSize: number): DataSourceOptions {
  return sourceOf(url, poolSize, [`statement_timeout=${STATEMENT_MS}`], { query_timeout: ANSWER_MS });
}

/**
 * The same for migrations. They may take as long as they need, and change rows of everybody: without the context of
 * the system an owner who is no superuser would find the protected tables empty, and change nothing without a word.
 */
export function migrationOptions(url: string): DataSourceOptions {
  return sourceOf(url, 2, ['steward.system=migrations'], {});
}

function sourceOf(
  url: string,
  poolSize: number,
  settings: readonly string[],
  extra: object,
): DataSourceOptions {
  const all = ['timezone=UTC', 'idle_in_transaction_session_timeout=60000', ...settings];
  return {
    type: 'postgres',
    url,
    namingStrategy: new SnakeCaseNaming(),
    applicationName: 'steward',
    poolErrorHandler: () => undefined, // a dropped idle connection is replaced by the pool; health reports the outage
    extra: {
      max: poolSize,
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
      options: all.map((setting) => `-c ${setting}`).join(' '),
      ...extra,
    },
  };
}
