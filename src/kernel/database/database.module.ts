import { Global, Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule, getDataSourceToken } from '@nestjs/typeorm';
import { dataSourceOptions } from './data-source.js';
import { Database } from './database.js';
import { MonthsRepository } from './months.repository.js';
import { PartitionsRepository } from './partitions.repository.js';
import { Partitions } from './partitions.js';
import { Installation } from './installation.js';

@Global()
@Module({})
export class DatabaseModule {
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
        MonthsRepository,
        { provide: Installation, useFactory: Installation.read, inject: [getDataSourceToken()] },
      ],
      exports: [Database, Installation, MonthsRepository],
    };
  }
}
