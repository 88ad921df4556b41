import { Body, Controller, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../kernel/auth/index.js';
import type { Page } from '../../kernel/database/index.js';
import { Once, Returns, idParam, type OnceRequest } from '../../kernel/http/index.js';
import {
  createJobBody,
  jobLogPage,
  jobLogsQuery,
  jobPage,
  jobTypeList,
  jobView,
  listJobsQuery,
  type CreateJobBody,
  type JobLogView,
  type JobLogsQuery,
  type JobTypeView,
  type JobView,
  type ListJobsQuery,
} from './jobs.schema.js';
import { JobsService } from './jobs.service.js';

@ApiTags('Jobs')
@Controller('api')
export class JobsController {
  constructor(private readonly jobs: JobsService) {}

  @Get('job-types')
  @Requires('user', 'jobs:read')
  @Returns(200, jobTypeList, 'Every job type with its payload as JSON Schema.')
  types(): { items: JobTypeView[] } {
    return this.jobs.types();
  }

  @Post('jobs')
  @Requires('user', 'jobs:write')
  @Returns(
    202,
    jobView,
    'Accepted: the job is stored and will run. For a unique type perhaps an open job that was there before. Location names it; 413 when its payload is larger than its type takes.',
  )
  async create(
    @CurrentActor() actor: UserActor,
    @Body({ schema: createJobBody }) body: CreateJobBody,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobView> {
    const job = await this.jobs.create(actor, body, once);
    void reply.header('Location', `/api/jobs/${job.id}`);
    return job;
  }

  @Get('jobs')
  @Requires('user', 'jobs:read')
  @Returns(200, jobPage, "The caller's jobs, newest first; admins may ask for those of others.")
  list(
    @CurrentActor() actor: UserActor,
    @Query({ schema: listJobsQuery }) query: ListJobsQuery,
  ): Promise<Page<JobView>> {
    return this.jobs.list(actor, query);
  }

  @Get('jobs/:id')
  @Requires('user', 'jobs:read')
  @Returns(200, jobView, 'One job; 404 for a job the caller may not see.')
  get(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
  ): Promise<JobView> {
    return this.jobs.get(actor, id);
  }

  @Get('jobs/:id/logs')
  @Requires('user', 'jobs:read')
  @Returns(200, jobLogPage, 'Log lines of every attempt, newest first.')
  logs(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: jobLogsQuery }) query: JobLogsQuery,
  ): Promise<Page<JobLogView>> {
    return this.jobs.logs(actor, id, query);
  }

  @Post('jobs/:id/cancel')
  @Requires('user', 'jobs:write')
  @Returns(200, jobView, 'Cancelled, or told to stop when it runs; 409 when it has ended.')
  cancel(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
  ): Promise<JobView> {
    return this.jobs.cancel(actor, id);
  }

  @Post('jobs/:id/retry')
  @Requires('user', 'jobs:write')
  @Returns(200, jobView, 'Waits to run again with a fresh set of attempts; 409 unless failed or cancelled.')
  retry(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
  ): Promise<JobView> {
    return this.jobs.retry(actor, id);
  }
}
