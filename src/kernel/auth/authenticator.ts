import type { ExecutionContext } from '@nestjs/common';
import type { Demands } from './access.js';
import type { UserActor } from './actor.js';

/** Who asks, and what is known about the credentials that came with the request. */
export interface Identity {
  readonly actor: UserActor;
  /** What a key may do; null for a session, which may do whatever its user may. */
  readonly scopes: readonly string[] | null;
  /** When the person last proved who they are; null for a key. */
  readonly authenticatedAt: Date | null;
  /** The role demands a second factor that is not set up yet. */
  readonly mustEnrol: boolean;
  /** A second factor is set up, so proving who they are takes it too. Left out for a key. */
  readonly hasFactor?: boolean;
}

/**
 * Port: turns a request's credentials into the user who asks. The auth module binds it, so that the guard can
 * live in the kernel and no feature module has to import auth.
 *
 * `authenticate` throws `UserError` 401 when the credentials are missing, wrong, expired or revoked.
 */
export abstract class Authenticator {
  abstract authenticate(context: ExecutionContext, demands: Demands): Promise<Identity>;

  /** Whether the actor's session or key still stands, with the same role: for whoever serves one request for long. */
  abstract stillHolds(actor: UserActor): Promise<boolean>;
}
