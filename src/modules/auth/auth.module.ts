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
import { FactorPolicy } from './factors/factor-policy.js';
import { FactorProofs } from './factors/factor-proofs.js';
import { FactorSecrets } from './factors/factor-secrets.js';
import { FactorsController } from './factors/factors.controller.js';
import { FactorsService } from './factors/factors.service.js';
import { OperatorFactors } from './factors/operator-factors.js';
import { ReauthenticationService } from './factors/reauthentication.service.js';
import { SecondFactorsRepository } from './factors/second-factors.repository.js';
import { LoginFloor } from './passwords/login-floor.js';
import { PasswordsController } from './passwords/passwords.controller.js';
import { PasswordsService } from './passwords/passwords.service.js';
import { FirstAdmin } from './first-admin.js';
import { OperatorReset } from './operator-reset.js';
import { PassportAuthenticator } from './sessions/passport-authenticator.js';
import { RefreshTokens } from './sessions/refresh-tokens.js';
import { SessionsRepository } from './sessions/sessions.repository.js';
import { SessionsService } from './sessions/sessions.service.js';
import { SigningKeys } from './sessions/signing-keys.js';
import { StandingSessions } from './sessions/standing-sessions.js';

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
  controllers: [AuthController, FactorsController, PasswordsController],
  providers: [
    { provide: Authenticator, useClass: PassportAuthenticator },
    AccessTokens,
    AccessTokenStrategy,
    AuthService,
    FactorPolicy,
    FactorProofs,
    FactorSecrets,
    FactorsService,
    FirstAdmin,
    LoginFloor,
    OperatorFactors,
    OperatorReset,
    PasswordsService,
    ReauthenticationService,
    RefreshTokens,
    SecondFactorsRepository,
    SessionsRepository,
    SessionsService,
    SigningKeys,
    StandingSessions,
  ],
  exports: [Authenticator, FirstAdmin, OperatorFactors, OperatorReset],
})
export class AuthModule {}
