import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Once, Returns, type OnceRequest } from '../../../kernel/http/index.js';
import { bulkJobsBody, bulkJobsView, type BulkJobsBody, type BulkJobsView } from './bulk-jobs.schema.js';
import { BulkJobsService } from './bulk-jobs.service.js';

@ApiTags('Jobs')
@Controller('api/jobs/bulk')
export class BulkJobsController {
  constructor(private readonly bulk: BulkJobsService) {}

  @Post()
  @Requires('user', 'jobs:write')
  @Returns(202, bulkJobsView, 'Accepted: up to 1000 jobs in one transaction, each with its id or its error.')
  create(
    @CurrentActor() actor: UserActor,
    @Body({ schema: bulkJobsBody }) body: BulkJobsBody,
    @Once() once: OnceRequest | null,
  ): Promise<BulkJobsView> {
    return this.bulk.create(actor, body, once);
  }
}
