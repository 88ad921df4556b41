import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Authenticator, type Demands, type Identity, type UserActor } from '../../../kernel/auth/index.js';
import { requestContext } from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';
import { FactorPolicy } from '../factors/factor-policy.js';
import { AccessTokenStrategy, type AccessClaims } from './access-token.strategy.js';
import { SessionActivity } from './session-activity.js';
import { StandingSessions } from './standing-sessions.js';
import { TokenRefused } from './token-refused.js';

/** Ours have about 400 characters; what is longer is not worth a look at its signature. */
const MAX_HEADER_CHARACTERS = 4_096;

interface IncomingRequest {
  readonly headers: { readonly authorization?: string };
}

/**
 * The kernel's port on passport and the sessions. A refusal is a 401 whose code says what to do next, and one line
 * in the log that says which check failed; never the token. It makes no audit entry: whoever has no account could
 * otherwise fill the database.
 */
@Injectable()
export class PassportAuthenticator extends Authenticator {
  private readonly log: Log;

  constructor(
    private readonly strategy: AccessTokenStrategy,
    private readonly sessions: StandingSessions,
    private readonly factors: FactorPolicy,
    private readonly activity: SessionActivity,
    log: Log,
  ) {
    super();
    this.log = log.area('auth');
  }

  async stillHolds(actor: UserActor): Promise<boolean> {
    if (actor.type !== 'user') return false;
    const holder = await this.sessions.read(actor.sessionId);
    return holder?.userId === actor.userId && holder.role === actor.role;
  }

  async authenticate(context: ExecutionContext, demands: Demands): Promise<Identity> {
    try {
      return await this.identify(await this.claims(context), demands);
    } catch (error) {
      if (error instanceof TokenRefused) this.report(error);
      throw error;
    }
  }

  /** For what was made with a session, too, such as its tickets. Throws `TokenRefused`. */
  async identify({ userId, sessionId }: AccessClaims, demands: Demands): Promise<Identity> {
    // What could take an account over is decided on the row of now, not on what was read a second ago.
    const holder = await (demands.recentLogin
      ? this.sessions.read(sessionId)
      : this.sessions.holder(sessionId, userId));
    if (holder?.userId !== userId) throw new TokenRefused('session_ended');
    this.activity.note(sessionId);
    return {
      actor: { type: 'user', userId, role: holder.role, sessionId },
      scopes: null,
      authenticatedAt: holder.authenticatedAt,
      mustEnrol: this.factors.isMissing(holder),
      hasFactor: holder.hasFactor,
    };
  }

  private async claims(context: ExecutionContext): Promise<AccessClaims> {
    const http = context.switchToHttp();
    const request = http.getRequest<IncomingRequest>();
    const { authorization } = request.headers;
    if (authorization === undefined || !/^bearer\s+\S/i.test(authorization))
      throw new TokenRefused('missing');
    if (authorization.length > MAX_HEADER_CHARACTERS) throw new TokenRefused('oversized');
    return new Promise<AccessClaims>((resolve, reject) => {
      const done = (error: unknown, claims: AccessClaims | false | null, why: unknown): void => {
        if (error) reject(error);
        else if (claims) resolve(claims);
        else reject(TokenRefused.byLibrary(why));
      };
      // Without a callback passport would write the answer itself, in Express's way.
      const handler = this.strategy.passport.authenticate(this.strategy.name, { session: false }, done) as (
        ...parts: unknown[]
      ) => void;
      handler(request, http.getResponse(), reject);
    });
  }

  private report({ reason, isSuspicious }: TokenRefused): void {
    if (reason === 'missing') return;
    const details = { reason, ipAddress: requestContext.current()?.ipAddress };
    if (isSuspicious) this.log.warn(details, 'an access token was refused');
    else this.log.info(details, 'an access token was refused');
  }
}
