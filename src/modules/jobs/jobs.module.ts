import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/index.js';
import { UsersModule } from '../users/index.js';
import { BulkJobsController } from './bulk/bulk-jobs.controller.js';
import { BulkJobsService } from './bulk/bulk-jobs.service.js';
import { BulkJobAction } from './bulk/bulk-job-action.job.js';
import { JobActionsController } from './bulk/job-actions.controller.js';
import { JobActionsRepository } from './bulk/job-actions.repository.js';
import { JobActionsService } from './bulk/job-actions.service.js';
import { JobRegistry } from './definition/job-registry.js';
import { AttemptJournal } from './engine/attempt-journal.js';
import { DispatchRepository } from './engine/dispatch.repository.js';
import { Dispatcher } from './engine/dispatcher.js';
import { EndedJobs } from './engine/ended-jobs.js';
import { DueJobs } from './engine/due-jobs.js';
import { FairTurns } from './engine/fair-turns.js';
import { DepthRepository } from './engine/depth.repository.js';
import { EngineMetrics } from './engine/engine-metrics.js';
import { JobMovesRepository } from './engine/job-moves.repository.js';
import { JobWorker } from './engine/job-worker.js';
import { LimitedDispatchRepository } from './engine/limited-dispatch.repository.js';
import { LimitedJobs } from './engine/limited-jobs.js';
import { LimitsSweep } from './engine/limits-sweep.js';
import { LostHints } from './engine/lost-hints.js';
import { OutcomeWriter } from './engine/outcome-writer.js';
import { Reconciler } from './engine/reconciler.js';
import { RescueRepository } from './engine/rescue.repository.js';
import { Settler } from './engine/settler.js';
import { TurnoverRepository } from './engine/turnover.repository.js';
import { TurnExchange } from './engine/turn-exchange.js';
import { UnlimitedJobs } from './engine/unlimited-jobs.js';
import { TypeSlots } from './engine/type-slots.js';
import { WorkersRepository } from './engine/workers.repository.js';
import { ExplainController } from './explain/explain.controller.js';
import { ExplainRepository } from './explain/explain.repository.js';
import { ExplainService } from './explain/explain.service.js';
import { JobEntity } from './job.entity.js';
import { JobLogEntity } from './job-log.entity.js';
import { JobStreamController } from './job-stream.controller.js';
import { JobStream } from './job-stream.js';
import { JobsAccountRepository } from './jobs-account.repository.js';
import { JobsCreation } from './jobs-creation.js';
import { JobsAccount } from './jobs.account.js';
import { JobsListRepository } from './jobs-list.repository.js';
import { JobsController } from './jobs.controller.js';
import { JobsRepository } from './jobs.repository.js';
import { JobsService } from './jobs.service.js';
import { RunningJobsRepository } from './running-jobs.repository.js';
import { QueuePausesRepository } from './queues/queue-pauses.repository.js';
import { QueuePauses } from './queues/queue-pauses.js';
import { QueuesController } from './queues/queues.controller.js';
import { QueuesRepository } from './queues/queues.repository.js';
import { QueuesService } from './queues/queues.service.js';
import { JobKeysRepository } from './unique/job-keys.repository.js';
import { UniqueJobs } from './unique/unique-jobs.js';
import { JobStatusController } from './status/job-status.controller.js';
import { JobStatusService } from './status/job-status.service.js';
import { JobCounters } from './stats/job-counters.js';
import { JobDepthsRepository } from './stats/job-depths.repository.js';
import { JobMinutesRepository } from './stats/job-minutes.repository.js';
import { JobSeries } from './stats/job-series.js';
import { JobStatsController } from './stats/job-stats.controller.js';
import { JobStatsRepository } from './stats/job-stats.repository.js';
import { JobStatsService } from './stats/job-stats.service.js';
import { ArchivesService } from './retention/archives.service.js';
import { RETENTION_PROVIDERS } from './retention/providers.js';

@Module({
  imports: [AuditModule, UsersModule, DiscoveryModule, TypeOrmModule.forFeature([JobEntity, JobLogEntity])],
  // Those of fixed paths first: `jobs/:id` takes every word.
  controllers: [
    JobStatsController,
    JobStatusController,
    JobsController,
    JobStreamController,
    BulkJobsController,
    JobActionsController,
    ExplainController,
    QueuesController,
  ],
  providers: [
    JobsService,
    JobsCreation,
    BulkJobsService,
    JobActionsService,
    JobActionsRepository,
    BulkJobAction,
    JobStatusService,
    JobStream,
    JobsRepository,
    JobsListRepository,
    RunningJobsRepository,
    JobsAccount,
    JobsAccountRepository,
    JobRegistry,
    Dispatcher,
    EndedJobs,
    DispatchRepository,
    DueJobs,
    UnlimitedJobs,
    TurnExchange,
    { provide: FairTurns, useFactory: () => new FairTurns() },
    Reconciler,
    LostHints,
    RescueRepository,
    JobWorker,
    OutcomeWriter,
    Settler,
    AttemptJournal,
    JobMovesRepository,
    TurnoverRepository,
    EngineMetrics,
    DepthRepository,
    WorkersRepository,
    QueuePauses,
    QueuePausesRepository,
    QueuesRepository,
    QueuesService,
    LimitedJobs,
    LimitedDispatchRepository,
    LimitsSweep,
    TypeSlots,
    UniqueJobs,
    JobKeysRepository,
    ExplainRepository,
    ExplainService,
    JobCounters,
    JobDepthsRepository,
    JobMinutesRepository,
    JobSeries,
    JobStatsRepository,
    JobStatsService,
    ...RETENTION_PROVIDERS,
  ],
  exports: [JobsService, ArchivesService],
})
export class JobsModule {}
