import { Controller, Delete, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentSession, Requires, type SessionActor } from '../../../kernel/auth/index.js';
import type { Page } from '../../../kernel/database/index.js';
import { Returns, ReturnsNothing, uuid } from '../../../kernel/http/index.js';
import { sessionPage, sessionsQuery, type SessionView } from '../auth.schema.js';
import { UserSessions } from './user-sessions.js';

const ofUser = z.strictObject({ userId: uuid });
const oneOfUser = z.strictObject({ userId: uuid, id: uuid });

@ApiTags('Auth')
@Controller('api/auth/users/:userId/sessions')
export class UserSessionsController {
  constructor(private readonly sessions: UserSessions) {}

  @Get()
  @Requires('admin', 'session')
  @Returns(200, sessionPage, 'Where that user is logged in, newest first.')
  list(
    @CurrentSession() actor: SessionActor,
    @Param({ schema: ofUser }) { userId }: z.output<typeof ofUser>,
    @Query({ schema: sessionsQuery }) page: z.output<typeof sessionsQuery>,
  ): Promise<Page<SessionView>> {
    return this.sessions.list(actor, userId, page);
  }

  @Delete()
  @Requires('admin', 'session')
  @ReturnsNothing('All sessions of that user have ended, on every process.')
  endAll(
    @CurrentSession() actor: SessionActor,
    @Param({ schema: ofUser }) { userId }: z.output<typeof ofUser>,
  ): Promise<void> {
    return this.sessions.endAll(actor, userId);
  }

  @Delete(':id')
  @Requires('admin', 'session')
  @ReturnsNothing('That session has ended.')
  end(
    @CurrentSession() actor: SessionActor,
    @Param({ schema: oneOfUser }) { userId, id }: z.output<typeof oneOfUser>,
  ): Promise<void> {
    return this.sessions.end(actor, userId, id);
  }
}
