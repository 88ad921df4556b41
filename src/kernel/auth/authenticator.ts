import type { ExecutionContext } from '@nestjs/common';
import type { UserActor } from './actor.js';

/**
 * Port: turns a request's credentials into the user who asks. The auth module binds it, so that the guard can
 * live in the kernel and no feature module has to import auth.
 *
 * `authenticate` throws `UserError` 401 when the credentials are missing, wrong, expired or revoked.
 */
export abstract class Authenticator {
  abstract authenticate(context: ExecutionContext): Promise<UserActor>;

  /** Whether the actor's session still stands, with the same role: for whoever serves one request for long. */
  abstract stillHolds(actor: UserActor): Promise<boolean>;
}
