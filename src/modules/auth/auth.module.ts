import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Authenticator } from '../../kernel/auth/index.js';
import { Keyring } from '../../kernel/crypto/index.js';
import { AuditModule } from '../audit/index.js';
import { UsersModule } from '../users/index.js';
import { AccessTokenStrategy } from './sessions/access-token.strategy.js';
import { AccessTokens, accessTokenOptions } from './sessions/access-tokens.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { FirstAdmin } from './first-admin.js';
import { OperatorReset } from './operator-reset.js';
import { EndedSessions } from './sessions/ended-sessions.js';
import { PassportAuthenticator } from './sessions/passport-authenticator.js';
import { RefreshTokens } from './sessions/refresh-tokens.js';
import { SessionActivity } from './sessions/session-activity.js';
import { SessionKeys } from './sessions/session-keys.js';
import { SessionsRepository } from './sessions/sessions.repository.js';
import { SessionsService } from './sessions/sessions.service.js';
import { SigningKeys } from './sessions/signing-keys.js';
import { StandingSessions } from './sessions/standing-sessions.js';
import { UserSessionsController } from './sessions/user-sessions.controller.js';
import { UserSessions } from './sessions/user-sessions.js';

/** Global for one reason: it binds the kernel's `Authenticator`, so that no feature module has to import it. */
@Global()
@Module({
  imports: [
    AuditModule,
    UsersModule,
    JwtModule.registerAsync({
      inject: [Keyring],
      useFactory: (keyring: Keyring) => accessTokenOptions(new SigningKeys(keyring)),
    }),
  ],
  controllers: [AuthController, UserSessionsController],
  providers: [
    { provide: Authenticator, useClass: PassportAuthenticator },
    AccessTokens,
    AccessTokenStrategy,
    AuthService,
    EndedSessions,
    FirstAdmin,
    OperatorReset,
    RefreshTokens,
    SessionActivity,
    SessionKeys,
    SessionsRepository,
    SessionsService,
    SigningKeys,
    StandingSessions,
    UserSessions,
  ],
  exports: [Authenticator, FirstAdmin, OperatorReset],
})
export class AuthModule {}
