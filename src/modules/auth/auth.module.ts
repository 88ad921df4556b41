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
import { AccountMails } from './mail-flows/account-mails.service.js';
import { MailFlowsController } from './mail-flows/mail-flows.controller.js';
import { MAIL_FLOWS } from './mail-flows/providers.js';
import { OperatorReset } from './operator-reset.js';
import { PassportAuthenticator } from './sessions/passport-authenticator.js';
import { RefreshTokens } from './sessions/refresh-tokens.js';
import { SessionsRepository } from './sessions/sessions.repository.js';
import { SessionsService } from './sessions/sessions.service.js';
import { SigningKeys } from './sessions/signing-keys.js';

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
  controllers: [AuthController, MailFlowsController],
  providers: [
    { provide: Authenticator, useClass: PassportAuthenticator },
    AccessTokens,
    AccessTokenStrategy,
    AuthService,
    FirstAdmin,
    OperatorReset,
    RefreshTokens,
    SessionsRepository,
    SessionsService,
    SigningKeys,
    ...MAIL_FLOWS,
  ],
  exports: [Authenticator, FirstAdmin, OperatorReset, AccountMails],
})
export class AuthModule {}
