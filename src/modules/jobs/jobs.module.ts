import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/index.js';
import { UsersModule } from '../users/index.js';
import { BulkJobsController } from './bulk/bulk-jobs.controller.js';
import { BulkJobsService } from './bulk/bulk-jobs.service.js';
import { JobRegistry } from './definition/job-registry.js';
import { AttemptJournal } from './engine/attempt-journal.js';
import { DispatchRepository } from './engine/dispatch.repository.js';
import { Dispatcher } from './engine/dispatcher.js';
import { DueJobs } from './engine/due-jobs.js';
import { FairTurns } from './engine/fair-turns.js';
import { DepthRepository } from './engine/depth.repository.js';
import { EngineMetrics } from './engine/engine-metrics.js';
import { JobMovesRepository } from './engine/job-moves.repository.js';
import { JobWorker } from './engine/job-worker.js';
import { OutcomeWriter } from './engine/outcome-writer.js';
import { Reconciler } from './engine/reconciler.js';
import { Settler } from './engine/settler.js';
import { TurnExchange } from './engine/turn-exchange.js';
import { UnlimitedJobs } from './engine/unlimited-jobs.js';
import { WorkersRepository } from './engine/workers.repository.js';
import { JobEntity } from './job.entity.js';
import { JobLogEntity } from './job-log.entity.js';
import { JobStreamController } from './job-stream.controller.js';
import { JobStream } from './job-stream.js';
import { JobsAccountRepository } from './jobs-account.repository.js';
import { JobsCreation } from './jobs-creation.js';
import { JobsAccount } from './jobs.account.js';
import { JobsController } from './jobs.controller.js';
import { JobsRepository } from './jobs.repository.js';
import { JobsService } from './jobs.service.js';
import { QueuePausesRepository } from './queues/queue-pauses.repository.js';
import { QueuePauses } from './queues/queue-pauses.js';
import { QueuesController } from './queues/queues.controller.js';
import { QueuesRepository } from './queues/queues.repository.js';
import { QueuesService } from './queues/queues.service.js';
import { ArchivesService } from './retention/archives.service.js';
import { RETENTION_PROVIDERS } from './retention/providers.js';

@Module({
  imports: [AuditModule, UsersModule, DiscoveryModule, TypeOrmModule.forFeature([JobEntity, JobLogEntity])],
  controllers: [JobsController, JobStreamController, BulkJobsController, QueuesController],
  providers: [
    JobsService,
    JobsCreation,
    BulkJobsService,
    JobStream,
    JobsRepository,
    JobsAccount,
    JobsAccountRepository,
    JobRegistry,
    Dispatcher,
    DispatchRepository,
    DueJobs,
    UnlimitedJobs,
    TurnExchange,
    { provide: FairTurns, useFactory: () => new FairTurns() },
    Reconciler,
    JobWorker,
    OutcomeWriter,
    Settler,
    AttemptJournal,
    JobMovesRepository,
    EngineMetrics,
    DepthRepository,
    WorkersRepository,
    QueuePauses,
    QueuePausesRepository,
    QueuesRepository,
    QueuesService,
    ...RETENTION_PROVIDERS,
  ],
  exports: [JobsService, ArchivesService],
})
export class JobsModule {}
