import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { CurrentSession, Public, Requires, type SessionActor } from '../../kernel/auth/index.js';
import type { Page } from '../../kernel/database/index.js';
import { Returns, ReturnsNothing, idParam } from '../../kernel/http/index.js';
import { LimitedLikeUsers, Unlimited } from '../../kernel/rate-limit/index.js';
import {
  login,
  refreshRequest,
  registration,
  sessionPage,
  sessionsQuery,
  tokensView,
  type Login,
  type Registration,
  type SessionView,
  type TokensView,
} from './auth.schema.js';
import { AuthService } from './auth.service.js';
import { SessionsService } from './sessions/sessions.service.js';

@ApiTags('Auth')
@Controller('api/auth')
export class AuthController {
  constructor(
    private readonly auth: AuthService,
    private readonly sessions: SessionsService,
  ) {}

  @Post('register')
  @Public('makes an account without any rights over others')
  @Returns(201, tokensView, 'The new user, logged in; 409 when the e-mail or username is taken.')
  register(@Body({ schema: registration }) input: Registration): Promise<TokensView> {
    return this.auth.register(input);
  }

  @Post('login')
  @Public('asks for a password')
  @Unlimited('has budgets of its own, which a known device passes: LoginGuesses')
  @Returns(
    200,
    tokensView,
    'One and the same 401 for whatever is wrong; `mfa_required` asks for a code, too; 429 after too many.',
  )
  login(@Body({ schema: login }) input: Login): Promise<TokensView> {
    return this.auth.login(input);
  }

  @Post('refresh')
  @Public('asks for a refresh token')
  @LimitedLikeUsers('its callers have a session; wrong tokens have a budget of their own')
  @Returns(200, tokensView, 'A new pair; the old refresh token is spent, using it again ends the session.')
  refresh(
    @Body({ schema: refreshRequest }) { refreshToken }: z.output<typeof refreshRequest>,
  ): Promise<TokensView> {
    return this.auth.refresh(refreshToken);
  }

  @Post('logout')
  @Requires('user', 'session', { beforeEnrolment: true })
  @ReturnsNothing('The session has ended, on every process.')
  logout(@CurrentSession() actor: SessionActor): Promise<void> {
    return this.sessions.logout(actor);
  }

  @Post('logout-all')
  @Requires('user', 'session', { beforeEnrolment: true })
  @ReturnsNothing('All sessions of the caller have ended.')
  logoutAll(@CurrentSession() actor: SessionActor): Promise<void> {
    return this.sessions.logoutAll(actor);
  }

  @Get('sessions')
  @Requires('user', 'session', { beforeEnrolment: true })
  @Returns(200, sessionPage, 'Where the caller is logged in, newest first.')
  list(
    @CurrentSession() actor: SessionActor,
    @Query({ schema: sessionsQuery }) page: z.output<typeof sessionsQuery>,
  ): Promise<Page<SessionView>> {
    return this.sessions.list(actor, page);
  }

  @Delete('sessions/:id')
  @Requires('user', 'session', { beforeEnrolment: true })
  @ReturnsNothing('That session has ended.')
  end(
    @CurrentSession() actor: SessionActor,
    @Param({ schema: idParam }) { id }: z.output<typeof idParam>,
  ): Promise<void> {
    return this.sessions.end(actor, id);
  }
}
