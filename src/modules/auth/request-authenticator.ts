import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Authenticator, type Demands, type Identity, type UserActor } from '../../kernel/auth/index.js';
import { ApiKeyAuthenticator } from './api-keys/api-key-authenticator.js';
import { API_KEY_START } from './api-keys/api-key-form.js';
import { countOf } from './raw-headers.js';
import { PassportAuthenticator } from './sessions/passport-authenticator.js';

interface IncomingRequest {
  readonly headers: { readonly authorization?: string };
  readonly raw: { readonly rawHeaders: readonly string[] };
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

  async authenticate(context: ExecutionContext, demands: Demands): Promise<Identity> {
    const key = apiKeyOf(context.switchToHttp().getRequest<IncomingRequest>());
    return key === null ? this.passport.authenticate(context, demands) : this.keys.authenticate(key);
  }

  stillHolds(actor: UserActor): Promise<boolean> {
    return actor.type === 'user' ? this.passport.stillHolds(actor) : this.keys.stillHolds(actor);
  }
}

/** Null when there are several headers: those are refused with the tokens. */
function apiKeyOf({ headers, raw }: IncomingRequest): string | null {
  const [, token] = /^bearer\s+(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  if (!token?.startsWith(API_KEY_START) || countOf('authorization', raw.rawHeaders) > 1) return null;
  return token;
}
