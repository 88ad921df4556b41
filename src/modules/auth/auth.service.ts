import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../kernel/database/index.js';
import { UserError } from '../../kernel/http/index.js';
import { AuditService } from '../audit/index.js';
import { PasswordHasher, UsersService, type Credentials, type UserView } from '../users/index.js';
import type { Login, Registration, TokensView } from './auth.schema.js';
import { EmailVerification } from './mail-flows/email-verification.service.js';
import { SeenDevices } from './mail-flows/seen-devices.service.js';
import { AccessTokens } from './sessions/access-tokens.js';
import { SessionsService, userActor, type OpenSession } from './sessions/sessions.service.js';

/**
 * Registering, logging in and refreshing. Whatever is wrong with a login, an unknown name, the password or an
 * account that is not active, the answer is one and the same 401 after the same work; only the audit trail knows
 * which. 503 when too many passwords are waiting to be checked.
 */
@Injectable()
export class AuthService {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly hasher: PasswordHasher,
    private readonly sessions: SessionsService,
    private readonly accessTokens: AccessTokens,
    private readonly audit: AuditService,
    private readonly verification: EmailVerification,
    private readonly devices: SeenDevices,
  ) {}

  /** The new user, logged in. 409 `email_taken` or `username_taken`. */
  async register({ password, ...input }: Registration): Promise<TokensView> {
    this.users.refuseUnusable(input);
    const passwordHash = await this.hasher.hash(password);
    const opened = await this.database.tx(async (tx) => {
      const { id } = await this.users.create(tx, null, { ...input, passwordHash });
      const registered = await this.open(tx, id, 'auth.register');
      await this.verification.ofNewAccount(tx, id);
      return registered;
    });
    return this.answer(opened);
  }

  async login({ identifier, password }: Login): Promise<TokensView> {
    const known = await this.users.credentials(this.database.read, identifier);
    const right = await this.hasher.matches(known?.passwordHash ?? null, password);
    if (!known || !right || !known.isActive) return this.refuse(known, right);
    const opened = await this.database.tx((tx) => this.open(tx, known.userId, 'auth.login'));
    return this.answer(opened);
  }

  async refresh(refreshToken: string): Promise<TokensView> {
    const session = await this.sessions.refresh(refreshToken);
    const user = await this.users.find(this.database.read, session.userId);
    if (!user) throw UserError.unauthenticated('session_ended', 'The session has ended; log in again.');
    return this.answer({ user, session });
  }

  private async open(
    tx: Tx,
    userId: string,
    action: string,
  ): Promise<{ user: UserView; session: OpenSession }> {
    const user = await this.users.recordLogin(tx, userId);
    if (!user) throw wrongCredentials(); // deactivated since its password was checked
    const session = await this.sessions.start(tx, userId);
    await this.devices.note(tx, userId, session.sessionId);
    await this.audit.record(tx, {
      actor: userActor(userId, user.role, session.sessionId),
      action,
      resource: { type: 'user', id: userId },
    });
    return { user, session };
  }

  private async refuse(known: Credentials | null, right: boolean): Promise<never> {
    const reason = !known ? 'unknown_identifier' : !right ? 'wrong_password' : 'inactive';
    await this.audit.recordAlone({
      actor: null,
      action: 'auth.login',
      ...(known ? { resource: { type: 'user', id: known.userId } } : {}),
      result: 'failure',
      // Never what was typed as the name: people type their password there.
      details: { reason },
    });
    throw wrongCredentials();
  }

  private async answer({ user, session }: { user: UserView; session: OpenSession }): Promise<TokensView> {
    const { accessToken, expiresIn } = await this.accessTokens.issue(user.id, session.sessionId);
    return { user, accessToken, refreshToken: session.refreshToken, tokenType: 'Bearer', expiresIn };
  }
}

const wrongCredentials = (): UserError =>
  UserError.unauthenticated('credentials_wrong', 'The name or the password is wrong.');
