import { Injectable } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SessionActor } from '../../auth/actor.js';
import { refusal } from '../../auth/auth.guard.js';
import { Authenticator } from '../../auth/authenticator.js';
import { Keyring } from '../../crypto/index.js';
import { UserError } from '../../http/errors.js';
import { Log } from '../../log/index.js';
import { ApiLimits } from '../../rate-limit/index.js';
import { Clock } from '../../time/index.js';
import { BoardCookie } from './board-cookie.js';

/** As a route would declare it: for admins in person, no key. */
const ACCESS = {
  kind: 'role',
  role: 'admin',
  scope: 'session',
  demands: { ticket: true },
} as const;

/** What refused requests are counted under, as for any other route. */
const ROUTE = 'queue board';

/**
 * Who may see the board. An admin opens it with a one-use ticket, which is exchanged for a cookie; every request with
 * the cookie is let in only while that session stands and its user is an admin.
 */
@Injectable()
export class BoardGuard {
  private readonly cookie: BoardCookie;
  private readonly log: Log;

  constructor(
    keyring: Keyring,
    private readonly authenticator: Authenticator,
    private readonly limits: ApiLimits,
    private readonly clock: Clock,
    log: Log,
  ) {
    this.cookie = new BoardCookie(keyring.derive('queue board cookie'));
    this.log = log.area('queue board');
  }

  /** True: a ticket was exchanged just now. False: the cookie counts. Throws `UserError` 401, 403 or 429. */
  async admit(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const known = this.cookie.read(request.headers.cookie, this.clock.now());
    if (known && (await this.authenticator.stillHolds(known))) return false;
    try {
      const actor = await this.identify(request, reply);
      void reply.header(
        'Set-Cookie',
        this.cookie.issue(actor, this.clock.now(), request.protocol === 'https'),
      );
      this.log.info({ userId: actor.userId }, 'an admin opened the view of the queues');
      return true;
    } catch (error) {
      if (error instanceof UserError && error.status === 401) await this.limits.address(ROUTE);
      throw error;
    }
  }

  private async identify(request: FastifyRequest, reply: FastifyReply): Promise<SessionActor> {
    const context = new ExecutionContextHost([request, reply]);
    const identity = await this.authenticator.authenticate(context, ACCESS.demands);
    const refused = refusal(ACCESS, identity, this.clock.now());
    if (refused) throw refused;
    const { actor } = identity;
    // What the scope `session` has refused just now; a ticket of a key is a key.
    if (actor.type !== 'user')
      throw UserError.forbidden('No API key may do this; log in.', 'session_required');
    return actor;
  }
}
