import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Authenticator, type Identity, type UserActor } from '../../kernel/auth/index.js';
import { ApiKeyAuthenticator } from './api-keys/api-key-authenticator.js';
import { API_KEY_START } from './api-keys/api-key-form.js';
import { PassportAuthenticator } from './sessions/passport-authenticator.js';

interface Request {
  readonly headers: { readonly authorization?: string };
}

/** The kernel's port: which kind of credentials a request carries decides who looks at them. */
@Injectable()
export class RequestAuthenticator extends Authenticator {
  constructor(
    private readonly passport: PassportAuthenticator,
    private readonly keys: ApiKeyAuthenticator,
  ) {
    super();
  }

  async authenticate(context: ExecutionContext): Promise<Identity> {
    const { authorization } = context.switchToHttp().getRequest<Request>().headers;
    const [, token] = /^bearer\s+(\S+)$/i.exec(authorization ?? '') ?? [];
    return token?.startsWith(API_KEY_START)
      ? this.keys.authenticate(token)
      : this.passport.authenticate(context);
  }

  stillHolds(actor: UserActor): Promise<boolean> {
    return actor.type === 'user' ? this.passport.stillHolds(actor) : this.keys.stillHolds(actor);
  }
}
