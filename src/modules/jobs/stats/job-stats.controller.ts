import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Returns } from '../../../kernel/http/index.js';
import { jobStatsQuery, jobStatsView, type JobStatsQuery, type JobStatsView } from './job-stats.schema.js';
import { JobStatsService } from './job-stats.service.js';

@ApiTags('Jobs')
@Controller('api')
export class JobStatsController {
  constructor(private readonly stats: JobStatsService) {}

  @Get('jobs/stats')
  @Requires('user', 'jobs:read')
  @Returns(
    200,
    jobStatsView,
    "Counts, rates and times of the caller's jobs; admins may ask for those of others.",
  )
  of(
    @CurrentActor() actor: UserActor,
    @Query({ schema: jobStatsQuery }) query: JobStatsQuery,
  ): Promise<JobStatsView> {
    return this.stats.of(actor, query);
  }
}
