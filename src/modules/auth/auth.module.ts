import { Global, Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { Authenticator } from '../../kernel/auth/index.js';
import { Keyring } from '../../kernel/crypto/index.js';
import { AuditModule } from '../audit/index.js';
import { UsersModule } from '../users/index.js';
import { ApiKeyAuthenticator } from './api-keys/api-key-authenticator.js';
import { ApiKeyUsage } from './api-keys/api-key-usage.js';
import { ApiKeysController } from './api-keys/api-keys.controller.js';
import { ApiKeysRepository } from './api-keys/api-keys.repository.js';
import { ApiKeysService } from './api-keys/api-keys.service.js';
import { EndedCredentials } from './ended-credentials.js';
import { RequestAuthenticator } from './request-authenticator.js';
import { TicketsController } from './tickets/tickets.controller.js';
import { TicketsRepository } from './tickets/tickets.repository.js';
import { TicketsService } from './tickets/tickets.service.js';
import { AccessTokenStrategy } from './sessions/access-token.strategy.js';
import { AccessTokens, accessTokenOptions } from './sessions/access-tokens.js';
import { AuthController } from './auth.controller.js';
import { AuthService } from './auth.service.js';
import { DeviceTokens } from './guessing/device-tokens.js';
import { Guesses } from './guessing/guesses.js';
import { LoginGuesses } from './guessing/login-guesses.js';
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
import { AccountMails } from './mail-flows/account-mails.service.js';
import { MailFlowsController } from './mail-flows/mail-flows.controller.js';
import { MAIL_FLOWS } from './mail-flows/providers.js';
import { OperatorReset } from './operator-reset.js';
import { EndedSessions } from './sessions/ended-sessions.js';
import { PassportAuthenticator } from './sessions/passport-authenticator.js';
import { RefreshTokens } from './sessions/refresh-tokens.js';
import { SessionActivity } from './sessions/session-activity.js';
import { SessionKeys } from './sessions/session-keys.js';
import { SessionsAccountRepository } from './sessions/sessions-account.repository.js';
import { SessionsAccount } from './sessions/sessions.account.js';
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
  controllers: [
    AuthController,
    ApiKeysController,
    FactorsController,
    MailFlowsController,
    PasswordsController,
    TicketsController,
    UserSessionsController,
  ],
  providers: [
    { provide: Authenticator, useClass: RequestAuthenticator },
    ApiKeyAuthenticator,
    ApiKeyUsage,
    ApiKeysRepository,
    ApiKeysService,
    EndedCredentials,
    PassportAuthenticator,
    TicketsRepository,
    TicketsService,
    AccessTokens,
    AccessTokenStrategy,
    AuthService,
    DeviceTokens,
    FactorPolicy,
    FactorProofs,
    FactorSecrets,
    FactorsService,
    EndedSessions,
    FirstAdmin,
    Guesses,
    LoginFloor,
    LoginGuesses,
    OperatorFactors,
    OperatorReset,
    PasswordsService,
    ReauthenticationService,
    RefreshTokens,
    SecondFactorsRepository,
    SessionActivity,
    SessionKeys,
    SessionsAccount,
    SessionsAccountRepository,
    SessionsRepository,
    SessionsService,
    SigningKeys,
    StandingSessions,
    UserSessions,
    ...MAIL_FLOWS,
  ],
  exports: [AccountMails, Authenticator, FirstAdmin, OperatorFactors, OperatorReset],
})
export class AuthModule {}
