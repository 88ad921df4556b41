import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '../../kernel/database/index.js';
import { OperationalError, UserError } from '../../kernel/http/index.js';
import { AuditService } from '../audit/index.js';
import { PasswordHasher, UsersService, type Credentials, type UserView } from '../users/index.js';
import type { Login, Registration, TokensView } from './auth.schema.js';
import { Guesses } from './guessing/guesses.js';
import { LoginGuesses, type LoginTry } from './guessing/login-guesses.js';
import { FactorProofs } from './factors/factor-proofs.js';
import { EmailVerification } from './mail-flows/email-verification.service.js';
import { SeenDevices } from './mail-flows/seen-devices.service.js';
import { AccessTokens } from './sessions/access-tokens.js';
import { LoginFloor } from './passwords/login-floor.js';
import { SessionsService, userActor, type OpenSession } from './sessions/sessions.service.js';

/**
 * Registering, logging in and refreshing. Whatever is wrong with a login, an unknown name, the password or an
 * account that is not active, the answer is one and the same 401 after the same work; only the audit trail knows
 * which. Only a right password learns that there is a second factor. 503 when too many passwords are waiting to be
 * checked.
 */
@Injectable()
export class AuthService {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly hasher: PasswordHasher,
    private readonly floor: LoginFloor,
    private readonly guesses: LoginGuesses,
    private readonly wrongTokens: Guesses,
    private readonly factors: FactorProofs,
    private readonly sessions: SessionsService,
    private readonly accessTokens: AccessTokens,
    private readonly audit: AuditService,
    private readonly verification: EmailVerification,
    private readonly devices: SeenDevices,
  ) {}

  /** The new user, logged in. 409 `email_taken` or `username_taken`. */
  async register({ password, ...input }: Registration): Promise<TokensView> {
    const passwordHash = await this.users.newHash(password, input);
    const opened = await this.database.system('registration').tx(async (tx) => {
      const { id } = await this.users.create(tx, null, { ...input, passwordHash });
      const registered = await this.open(tx, id, 'auth.register');
      await this.verification.ofNewAccount(tx, id);
      return registered;
    });
    return this.answer(opened);
  }

  /** Also 429 `login_throttled` after too many wrong ones. */
  async login(wanted: Login): Promise<TokensView> {
    return this.guesses.guard(wanted, async (attempt) => {
      const answer = await this.loginOnce(wanted, attempt);
      return { ...answer, deviceToken: attempt.deviceToken(answer.user.id) };
    });
  }

  private async loginOnce(wanted: Login, attempt: LoginTry): Promise<TokensView> {
    const { identifier, password, code } = wanted;
    const refusal = this.floor.begin();
    const known = await this.users.credentials(this.database.read, identifier);
    const { right, outdated, waitedMs } = await this.hasher.check(known?.passwordHash ?? null, password);
    if (!known || !right || !known.isActive) {
      await this.recordRefusal(known, right);
      if (known && attempt.isLast) await this.guesses.report(known.userId);
      await refusal.reached(waitedMs);
      throw wrongCredentials();
    }
    const upgraded = outdated ? await this.upgradedHash(password) : null;
    const { userId } = known;
    const opened = await this.database.system('login').tx(async (tx) => {
      if (!(await this.users.keepPassword(tx, known, upgraded))) return null;
      const refused = await this.factors.refusal(tx, { userId, code, actor: null, action: 'auth.login' });
      return refused ?? this.open(tx, userId, 'auth.login');
    });
    // After the commit, which keeps a wrong code counted.
    if (opened instanceof UserError) throw opened;
    // Replaced since it was checked, by somebody else or by another login that brought the hash up to date.
    return opened ? this.answer(opened) : this.loginOnce(wanted, attempt);
  }

  async refresh(refreshToken: string): Promise<TokensView> {
    const session = await this.wrongTokens.ofAddress('refresh', isUnknownToken, () =>
      this.sessions.refresh(refreshToken),
    );
    const user = await this.users.find(this.database.system('refresh').read, session.userId);
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

  /** Null when there is no time for it just now: the next login tries again. */
  private async upgradedHash(password: string): Promise<string | null> {
    try {
      return await this.hasher.hash(password);
    } catch (error) {
      if (error instanceof OperationalError) return null;
      throw error;
    }
  }

  private async recordRefusal(known: Credentials | null, right: boolean): Promise<void> {
    const reason = !known ? 'unknown_identifier' : !right ? 'wrong_password' : 'inactive';
    await this.audit.recordAlone({
      actor: null,
      action: 'auth.login',
      ...(known ? { resource: { type: 'user', id: known.userId } } : {}),
      result: 'failure',
      // Never what was typed as the name: people type their password there.
      details: { reason },
    });
  }

  private async answer({ user, session }: { user: UserView; session: OpenSession }): Promise<TokensView> {
    const { accessToken, expiresIn } = await this.accessTokens.issue(user.id, session.sessionId);
    return { user, accessToken, refreshToken: session.refreshToken, tokenType: 'Bearer', expiresIn };
  }
}

const isUnknownToken = (error: unknown): boolean =>
  error instanceof UserError && error.code === 'refresh_invalid';

const wrongCredentials = (): UserError =>
  UserError.unauthenticated('credentials_wrong', 'The name or the password is wrong.');
