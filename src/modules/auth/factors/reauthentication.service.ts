import { Injectable } from '@nestjs/common';
import type { SessionActor } from '../../../kernel/auth/index.js';
import { Database, type Tx } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { AuditService } from '../../audit/index.js';
import { PasswordHasher, UsersService, type Credentials, type UserView } from '../../users/index.js';
import type { TokensView } from '../auth.schema.js';
import { AccessTokens } from '../sessions/access-tokens.js';
import { Guesses } from '../guessing/guesses.js';
import { SessionsRepository } from '../sessions/sessions.repository.js';
import { SessionsService, type OpenSession } from '../sessions/sessions.service.js';
import { FactorProofs } from './factor-proofs.js';
import type { Reauthentication } from './factors.schema.js';

const ACTION = 'auth.reauthenticate';

/**
 * Proving once more who one is, for what demands a recent login (ASVS 7.5.1). It asks for what a login asks for, and
 * gives what a login gives: a new session takes the place of the one in use, whose tokens are worth nothing from then
 * on (ASVS 7.2.4), so that a copy of them cannot do what only the person may.
 */
@Injectable()
export class ReauthenticationService {
  constructor(
    private readonly database: Database,
    private readonly users: UsersService,
    private readonly hasher: PasswordHasher,
    private readonly proofs: FactorProofs,
    private readonly sessions: SessionsService,
    private readonly sessionRows: SessionsRepository,
    private readonly accessTokens: AccessTokens,
    private readonly audit: AuditService,
    private readonly guesses: Guesses,
  ) {}

  /**
   * `UserError` 401 as of a login: `credentials_wrong`, `mfa_required`, `code_invalid`; 429 `too_many_codes`, or
   * `too_many_guesses` after too many wrong passwords.
   */
  async reauthenticate(actor: SessionActor, proof: Reauthentication): Promise<TokensView> {
    return this.guesses.ofUser('password', actor.userId, isWrongPassword, () => this.prove(actor, proof));
  }

  private async prove(actor: SessionActor, { password, code }: Reauthentication): Promise<TokensView> {
    const known = await this.users.credentialsById(this.database.as(actor).read, actor.userId);
    const { right } = await this.hasher.check(known?.passwordHash ?? null, password);
    if (!known || !right) return this.refuse(actor);
    const outcome = await this.database.as(actor).tx((tx) => this.renewIn(tx, actor, known, code));
    // After the commit, which keeps a wrong code counted.
    if (outcome instanceof UserError) throw outcome;
    const { user, session } = outcome;
    const { accessToken, expiresIn } = await this.accessTokens.issue(user.id, session.sessionId);
    return { user, accessToken, refreshToken: session.refreshToken, tokenType: 'Bearer', expiresIn };
  }

  private async renewIn(
    tx: Tx,
    actor: SessionActor,
    known: Credentials,
    code: string | undefined,
  ): Promise<{ user: UserView; session: OpenSession } | UserError> {
    const { userId, sessionId } = actor;
    if (!(await this.users.keepPassword(tx, known, null))) throw wrong(); // replaced since it was checked
    const refused = await this.proofs.refusal(tx, { userId, code, actor, action: ACTION });
    if (refused) return refused;
    const user = await this.users.find(tx, userId);
    if (!user || !(await this.sessionRows.revoke(tx, sessionId, userId, 'reauthenticated')))
      throw UserError.unauthenticated('session_ended', 'The session has ended; log in again.');
    const session = await this.sessions.start(tx, userId);
    const resource = { type: 'session', id: session.sessionId };
    await this.audit.record(tx, { actor, action: ACTION, resource });
    return { user, session };
  }

  private async refuse(actor: SessionActor): Promise<never> {
    const resource = { type: 'user', id: actor.userId };
    const details = { reason: 'wrong_password' };
    await this.audit.recordAlone({ actor, action: ACTION, resource, result: 'failure', details });
    throw wrong();
  }
}

const isWrongPassword = (error: unknown): boolean =>
  error instanceof UserError && error.code === 'credentials_wrong';

const wrong = (): UserError => UserError.unauthenticated('credentials_wrong', 'The password is wrong.');
