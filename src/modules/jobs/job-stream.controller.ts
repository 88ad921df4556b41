import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../kernel/auth/index.js';
import { ReturnsEvents, idParam } from '../../kernel/http/index.js';
import { JobStream } from './job-stream.js';

@ApiTags('Jobs')
@Controller('api/jobs/:id/events')
export class JobStreamController {
  constructor(private readonly stream: JobStream) {}

  @Get()
  @Requires('user', 'jobs:read', { ticket: true })
  @ReturnsEvents('One job live: `snapshot`, then `progress` and `log`, and `end` when it has ended.')
  follow(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    return this.stream.follow(actor, id, request, reply);
  }
}
