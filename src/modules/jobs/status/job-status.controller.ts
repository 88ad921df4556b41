import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Returns } from '../../../kernel/http/index.js';
import {
  jobStatusAnswer,
  jobStatusQuery,
  type JobStatusList,
  type JobStatusQuery,
  type JobStatusView,
} from './job-status.schema.js';
import { JobStatusService } from './job-status.service.js';

@ApiTags('Jobs')
@Controller('api/jobs/status')
export class JobStatusController {
  constructor(private readonly status: JobStatusService) {}

  @Get()
  @Requires('user', 'jobs:read')
  @Returns(
    200,
    jobStatusAnswer,
    'One job by `jobId`, or a list by `limit` and `offset`; `GET /api/jobs` is the native way.',
  )
  get(
    @CurrentActor() actor: UserActor,
    @Query({ schema: jobStatusQuery }) query: JobStatusQuery,
  ): Promise<JobStatusView | JobStatusList> {
    return this.status.get(actor, query);
  }
}
