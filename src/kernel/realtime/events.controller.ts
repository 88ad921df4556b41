import { Controller, Get, Query, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CurrentActor, Requires, type UserActor, isAdmin } from '../auth/index.js';
import { UserError } from '../http/errors.js';
import { ReturnsEvents } from '../http/returns.js';
import { EventStreams } from './event-streams.js';

const MAX_CHANNELS = 20;

const eventsQuery = z.strictObject({
  channels: z
    .string()
    .transform((text) => [...new Set(text.split(','))])
    .pipe(
      z
        .array(
          z.string().regex(/^[a-z][a-z0-9-]{0,49}$/, 'must be channel names, such as jobs,notifications'),
        )
        .max(MAX_CHANNELS),
    )
    .optional(),
  all: z.enum(['true', 'false'], { error: 'must be true or false' }).default('false'),
  lastEventId: z.string().max(100).optional(),
});

@ApiTags('Events')
@Controller('api/events')
export class EventsController {
  constructor(private readonly streams: EventStreams) {}

  @Get()
  @Requires('user', 'events:read', { ticket: true })
  @ReturnsEvents("A live stream of the caller's events; `Last-Event-ID` resumes.")
  stream(
    @CurrentActor() actor: UserActor,
    @Query({ schema: eventsQuery }) { channels, all, lastEventId }: z.output<typeof eventsQuery>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (all === 'true' && !isAdmin(actor))
      throw UserError.forbidden('Only admins see the events of all users.');
    const filter = { channels, userId: all === 'true' ? undefined : actor.userId };
    return this.streams.open(actor, filter, resumeId(request) ?? lastEventId, request, reply);
  }
}

/** Browsers send it by themselves when they reconnect, so it is newer than the one in the query. */
function resumeId({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id'];
  return typeof id === 'string' && id !== '' ? id : undefined;
}
