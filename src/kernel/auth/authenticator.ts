import type { ExecutionContext } from '@nestjs/common';
import type { UserActor } from './actor.js';

/**
 * Port: turns a request's credentials into the user who asks. The auth module binds it, so that the guard can
 * live in the kernel and no feature module has to import auth.
 *
 * Throws `UserError` 401 when the credentials are missing, wrong, expired or revoked.
 */
export abstract class Authenticator {
  abstract authenticate(context: ExecutionContext): Promise<UserActor>;
}
