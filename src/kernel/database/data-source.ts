import type { DataSourceOptions } from 'typeorm';
import { SnakeCaseNaming } from './naming.js';

/**
 * Connection options of every process. Idle transactions are ended by the server after a minute: one forgotten
 * transaction would otherwise hold back vacuum and the delivery of events for everybody.
 */
export function dataSourceOptions(url: string, poolSize: number): DataSourceOptions {
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
      options: '-c timezone=UTC -c idle_in_transaction_session_timeout=60000',
    },
  };
}
