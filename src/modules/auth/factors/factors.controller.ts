import { Body, Controller, Delete, Get, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { CurrentSession, Requires, type SessionActor } from '../../../kernel/auth/index.js';
import { Returns, ReturnsNothing } from '../../../kernel/http/index.js';
import { tokensView, type TokensView } from '../auth.schema.js';
import {
  factorConfirmation,
  factorsView,
  reauthentication,
  recoveryCodesView,
  totpEnrolmentView,
  userIdParam,
  type FactorConfirmation,
  type FactorsView,
  type Reauthentication,
  type RecoveryCodesView,
  type TotpEnrolmentView,
} from './factors.schema.js';
import { FactorsService } from './factors.service.js';
import { ReauthenticationService } from './reauthentication.service.js';

@ApiTags('Auth')
@Controller('api/auth')
export class FactorsController {
  constructor(
    private readonly factors: FactorsService,
    private readonly proving: ReauthenticationService,
  ) {}

  @Get('factors')
  @Requires('user', 'session', { beforeEnrolment: true })
  @Returns(200, factorsView, 'Whether the caller has a second factor, and has to have one.')
  state(@CurrentSession() actor: SessionActor): Promise<FactorsView> {
    return this.factors.state(actor);
  }

  @Post('factors/totp')
  @Requires('user', 'session', { recentLogin: true, beforeEnrolment: true })
  @Returns(201, totpEnrolmentView, 'The secret for an authenticator; it counts once it is confirmed.')
  begin(@CurrentSession() actor: SessionActor): Promise<TotpEnrolmentView> {
    return this.factors.begin(actor);
  }

  @Post('factors/totp/confirm')
  @Requires('user', 'session', { beforeEnrolment: true })
  @Returns(200, recoveryCodesView, 'The factor counts from now on; the other sessions end unless kept.')
  confirm(
    @CurrentSession() actor: SessionActor,
    @Body({ schema: factorConfirmation }) confirmation: FactorConfirmation,
  ): Promise<RecoveryCodesView> {
    return this.factors.confirm(actor, confirmation);
  }

  @Delete('factors/totp')
  @Requires('user', 'session', { recentLogin: true, beforeEnrolment: true })
  @ReturnsNothing('The second factor and its recovery codes are gone; 409 where the role demands one.')
  remove(@CurrentSession() actor: SessionActor): Promise<void> {
    return this.factors.remove(actor);
  }

  @Post('factors/recovery-codes')
  @Requires('user', 'session', { recentLogin: true })
  @Returns(201, recoveryCodesView, 'Ten new codes; the old ones are void.')
  renewRecoveryCodes(@CurrentSession() actor: SessionActor): Promise<RecoveryCodesView> {
    return this.factors.renewRecoveryCodes(actor);
  }

  @Delete('users/:userId/factors')
  @Requires('admin', 'session', { recentLogin: true })
  @ReturnsNothing('The lost second factor of somebody is gone and their sessions have ended; they are told.')
  reset(
    @CurrentSession() actor: SessionActor,
    @Param({ schema: userIdParam }) { userId }: z.output<typeof userIdParam>,
  ): Promise<void> {
    return this.factors.reset(actor, userId, 'admin');
  }

  @Post('reauthenticate')
  @Requires('user', 'session', { beforeEnrolment: true })
  @Returns(200, tokensView, 'A recent login: new tokens, in place of those in use, which have ended.')
  reauthenticate(
    @CurrentSession() actor: SessionActor,
    @Body({ schema: reauthentication }) proof: Reauthentication,
  ): Promise<TokensView> {
    return this.proving.reauthenticate(actor, proof);
  }
}
