import { Global, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { TypeOrmModule, getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ConnectionWatch } from './connection-watch.js';
import { dataSourceOptions } from './data-source.js';
import { Database, poolOf } from './database.js';
import { DatabaseDump } from './dump/database-dump.js';
import { MonthsRepository } from './months.repository.js';
import { PartitionsRepository } from './partitions.repository.js';
import { Partitions } from './partitions.js';
import { Installation } from './installation.js';

@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(private readonly watch: ConnectionWatch) {}

  onApplicationShutdown(): void {
    this.watch.stop();
  }

  /** `url` is the database in use: the configured one or the embedded one. */
  static forRoot(url: string, poolSize: number): DynamicModule {
    return {
      module: DatabaseModule,
      imports: [
        TypeOrmModule.forRoot({
          ...dataSourceOptions(url, poolSize),
          autoLoadEntities: true,
          retryAttempts: 0,
        }),
      ],
      providers: [
        Database,
        Partitions,
        PartitionsRepository,
        {
          provide: ConnectionWatch,
          useFactory: (dataSource: DataSource) => {
            const watch = new ConnectionWatch(poolOf(dataSource), url);
            watch.start();
            return watch;
          },
          inject: [getDataSourceToken()],
        },
        MonthsRepository,
        { provide: DatabaseDump, useFactory: () => new DatabaseDump(url) },
        { provide: Installation, useFactory: Installation.read, inject: [getDataSourceToken()] },
      ],
      exports: [Database, DatabaseDump, Installation, MonthsRepository],
    };
  }
}
