import { Body, Controller, Post, Res } from '@nestjs/common';
import { ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Once, Returns, type OnceRequest } from '../../../kernel/http/index.js';
import { jobActionBody, jobActionView, type JobActionBody, type JobActionView } from './job-action.schema.js';
import { JobActionsService } from './job-actions.service.js';

@ApiTags('Jobs')
@Controller('api/jobs/bulk-actions')
export class JobActionsController {
  constructor(private readonly actions: JobActionsService) {}

  @Post()
  @Requires('user', 'jobs:write')
  @Returns(
    202,
    jobActionView,
    'Accepted: a job cancels or retries all that the filter means. Location names it.',
  )
  @ApiResponse({ status: 200, description: 'A dry run: nothing is done.', standardSchema: jobActionView })
  async request(
    @CurrentActor() actor: UserActor,
    @Body({ schema: jobActionBody }) body: JobActionBody,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<JobActionView> {
    const answer = await this.actions.request(actor, body, once);
    if (answer.job) void reply.header('Location', `/api/jobs/${answer.job.id}`);
    else void reply.status(200);
    return answer;
  }
}
