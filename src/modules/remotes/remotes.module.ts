import { Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Settings } from '../../kernel/config/index.js';
import { Health } from '../../kernel/health/index.js';
import { Clock } from '../../kernel/time/index.js';
import { AuditModule } from '../audit/index.js';
import { JobsModule } from '../jobs/index.js';
import { UsersModule } from '../users/index.js';
import { CheckSweep } from './checks/check-sweep.js';
import { RemoteChecks } from './checks/remote-checks.js';
import { RemoteChecksRepository } from './checks/remote-checks.repository.js';
import { EngineRemotes } from './engine-remotes.js';
import { RcloneEngine } from './engine/rclone-engine.js';
import { TransferEngine } from './engine/transfer-engine.js';
import { FileAccess } from './files/file-access.js';
import { FileContentController } from './files/file-content.controller.js';
import { FileContentService } from './files/file-content.service.js';
import { FileListings } from './files/file-listings.js';
import { FilesController } from './files/files.controller.js';
import { FilesService } from './files/files.service.js';
import { RemoteSpace } from './files/remote-space.js';
import { FILE_JOB_CONTROLLERS, FILE_JOB_PROVIDERS } from './jobs/providers.js';
import { OutboundHosts } from './outbound/outbound-hosts.js';
import { RemotePartEntity } from './parts/remote-part.entity.js';
import { RemotePartsRepository } from './parts/remote-parts.repository.js';
import { RemoteAccess } from './permissions/remote-access.js';
import { RemotePermissionEntity } from './permissions/remote-permission.entity.js';
import { RemotePermissionsAccount } from './permissions/remote-permissions.account.js';
import { RemotePermissionsController } from './permissions/remote-permissions.controller.js';
import { RemotePermissionsRepository } from './permissions/remote-permissions.repository.js';
import { RemotePermissionsService } from './permissions/remote-permissions.service.js';
import { RemoteConfigurations } from './remote-configurations.js';
import { RemoteTypesController } from './remote-types.controller.js';
import { RemoteTypesService } from './remote-types.service.js';
import { RemoteEntity } from './remote.entity.js';
import { RemotesAccountRepository } from './remotes-account.repository.js';
import { RemotesAccount } from './remotes.account.js';
import { RemotesController } from './remotes.controller.js';
import { RemotesRepository } from './remotes.repository.js';
import { RemotesService } from './remotes.service.js';
import { RemoteSecrets } from './secrets/remote-secrets.js';
import { RenewedTokens } from './secrets/renewed-tokens.js';
import { Reseal } from './secrets/reseal.js';
import { SealedSecretsRepository } from './secrets/sealed-secrets.repository.js';

@Module({
  imports: [
    AuditModule,
    UsersModule,
    JobsModule,
    TypeOrmModule.forFeature([RemoteEntity, RemotePartEntity, RemotePermissionEntity]),
  ],
  controllers: [
    FileContentController,
    FilesController,
    RemotesController,
    RemoteTypesController,
    RemotePermissionsController,
    ...FILE_JOB_CONTROLLERS,
  ],
  providers: [
    {
      provide: TransferEngine,
      inject: [Settings, Clock, OutboundHosts, RenewedTokens],
      useFactory: (
        { rclonePath, searchPath, localRoots }: Settings,
        clock: Clock,
        hosts: OutboundHosts,
        tokens: RenewedTokens,
      ) =>
        new RcloneEngine({
          rclonePath,
          searchPath,
          localRoots,
          now: () => clock.now(),
          mayReach: (remote) => hosts.assertReachable(remote),
          onToken: async ({ remoteId, before, after }) => void (await tokens.keep(remoteId, before, after)),
        }),
    },
    RemoteAccess,
    RemotePermissionsRepository,
    RemotePermissionsService,
    RemotePermissionsAccount,
    {
      provide: OutboundHosts,
      inject: [Settings],
      useFactory: ({ remotesAllowedHosts }: Settings) => new OutboundHosts(remotesAllowedHosts),
    },
    RemotesService,
    RemoteTypesService,
    RemoteConfigurations,
    EngineRemotes,
    RemotePartsRepository,
    RemoteSecrets,
    SealedSecretsRepository,
    RenewedTokens,
    Reseal,
    RemoteChecks,
    RemoteChecksRepository,
    CheckSweep,
    RemotesAccount,
    RemotesAccountRepository,
    RemotesRepository,
    FileAccess,
    FileContentService,
    FileListings,
    FilesService,
    RemoteSpace,
    ...FILE_JOB_PROVIDERS,
  ],
  exports: [RemotesService, Reseal],
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
