import { Body, Controller, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentSession, Requires, type SessionActor } from '../../../kernel/auth/index.js';
import { ReturnsNothing } from '../../../kernel/http/index.js';
import { passwordChange, type PasswordChange } from './passwords.schema.js';
import { PasswordsService } from './passwords.service.js';

@ApiTags('Auth')
@Controller('api/auth/password')
export class PasswordsController {
  constructor(private readonly passwords: PasswordsService) {}

  @Post('change')
  @Requires('user', 'session', { beforeEnrolment: true })
  @ReturnsNothing('The password is changed; the other sessions have ended unless they were to be kept.')
  change(
    @CurrentSession() actor: SessionActor,
    @Body({ schema: passwordChange }) change: PasswordChange,
  ): Promise<void> {
    return this.passwords.change(actor, change);
  }
}
