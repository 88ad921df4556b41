import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Authenticator } from '../../kernel/auth/index.js';
import { Settings, signingSecret } from '../../kernel/config/index.js';
import { AuditModule } from '../audit/index.js';
import { UsersModule } from '../users/index.js';
import { AccessTokenStrategy } from './access-token.strategy.js';
import { AccessTokens, accessTokenOptions } from './access-tokens.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { FirstAdmin } from './first-admin.js';
import { OperatorReset } from './operator-reset.js';
import { PassportAuthenticator } from './passport-authenticator.js';
import { RefreshTokens } from './refresh-tokens.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';
import { SigningKeys } from './signing-keys.js';

const signingKeys = (settings: Settings): SigningKeys => new SigningKeys(signingSecret(settings));

/** Global for one reason: it binds the kernel's `Authenticator`, so that no feature module has to import it. */
@Global()
@Module({
  imports: [
    AuditModule,
    UsersModule,
    JwtModule.registerAsync({
      inject: [Settings],
      useFactory: (settings: Settings) => accessTokenOptions(signingKeys(settings)),
    }),
  ],
  controllers: [AuthController],
  providers: [
    { provide: SigningKeys, inject: [Settings], useFactory: signingKeys },
    { provide: Authenticator, useClass: PassportAuthenticator },
    AccessTokens,
    AccessTokenStrategy,
    AuthService,
    FirstAdmin,
    OperatorReset,
    RefreshTokens,
    SessionsRepository,
    SessionsService,
  ],
  exports: [Authenticator, FirstAdmin, OperatorReset],
})
export class AuthModule {}
