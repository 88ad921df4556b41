import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Authenticator, type Identity, type UserActor } from '../../../kernel/auth/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { AccessTokenStrategy } from './access-token.strategy.js';
import { SessionsRepository } from './sessions.repository.js';

/** The kernel's port on passport: any refusal of the strategy leaves as `UserError` 401 with a code that says why. */
@Injectable()
export class PassportAuthenticator extends Authenticator {
  constructor(
    private readonly strategy: AccessTokenStrategy,
    private readonly sessions: SessionsRepository,
    private readonly database: Database,
  ) {
    super();
  }

  async stillHolds(actor: UserActor): Promise<boolean> {
    if (actor.type !== 'user') return false;
    const holder = await this.sessions.holder(this.database.system('session check').read, actor.sessionId);
    return holder?.userId === actor.userId && holder.role === actor.role;
  }

  async authenticate(context: ExecutionContext): Promise<Identity> {
    const http = context.switchToHttp();
    const request = http.getRequest<{ headers: { authorization?: string } }>();
    return new Promise<Identity>((resolve, reject) => {
      const done = (error: unknown, identity: Identity | false | null): void => {
        if (error) reject(error);
        else if (identity) resolve(identity);
        else reject(refusal(request.headers.authorization));
      };
      // Without a callback passport would write the answer itself, in Express's way.
      const handler = this.strategy.passport.authenticate(this.strategy.name, { session: false }, done) as (
        ...parts: unknown[]
      ) => void;
      handler(request, http.getResponse(), reject);
    });
  }
}

function refusal(header: string | undefined): UserError {
  return header !== undefined && /^bearer\s+\S/i.test(header)
    ? UserError.unauthenticated('token_invalid', 'The access token is not valid.')
    : UserError.unauthenticated('token_missing', 'Send an access token: Authorization: Bearer …');
}
