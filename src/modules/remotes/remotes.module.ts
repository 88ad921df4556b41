import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Settings } from '../../kernel/config/index.js';
import { Health } from '../../kernel/health/index.js';
import { AuditModule } from '../audit/index.js';
import { JobsModule } from '../jobs/index.js';
import { UsersModule } from '../users/index.js';
import { CopyFilesJob } from './copy-files.job.js';
import { RcloneEngine } from './engine/rclone-engine.js';
import { TransferEngine } from './engine/transfer-engine.js';
import { FileListings } from './file-listings.js';
import { RemoteAccess } from './permissions/remote-access.js';
import { RemoteEntity } from './remote.entity.js';
import { RemotesAccountRepository } from './remotes-account.repository.js';
import { RemotesAccount } from './remotes.account.js';
import { RemotesController } from './remotes.controller.js';
import { RemotesRepository } from './remotes.repository.js';
import { RemotesService } from './remotes.service.js';

@Module({
  imports: [AuditModule, UsersModule, JobsModule, TypeOrmModule.forFeature([RemoteEntity])],
  controllers: [RemotesController],
  providers: [
    {
      provide: TransferEngine,
      inject: [Settings],
      useFactory: ({ rclonePath, searchPath, localRoots }: Settings) =>
        new RcloneEngine({ rclonePath, searchPath, localRoots }),
    },
    RemoteAccess,
    RemotesService,
    RemotesAccount,
    RemotesAccountRepository,
    RemotesRepository,
    FileListings,
    CopyFilesJob,
  ],
  exports: [RemotesService],
})
export class RemotesModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly engine: TransferEngine,
    private readonly health: Health,
  ) {}

  onModuleInit(): void {
    this.health.register({
      name: 'rclone',
      vital: false,
      check: async () => {
        const engine = await this.engine.availability();
        return engine.available ? undefined : engine.hint;
      },
    });
  }

  /** After the worker has finished or handed back its jobs, which it does before this hook. */
  async onApplicationShutdown(): Promise<void> {
    await this.engine.close();
  }
}
