import { Injectable, type ExecutionContext } from '@nestjs/common';
import { Authenticator, type Demands, type Identity, type UserActor } from '../../kernel/auth/index.js';
import { UserError, pathOf } from '../../kernel/http/index.js';
import { ApiKeyAuthenticator } from './api-keys/api-key-authenticator.js';
import { API_KEY_START } from './api-keys/api-key-form.js';
import { PassportAuthenticator } from './sessions/passport-authenticator.js';
import { TicketsService } from './tickets/tickets.service.js';

interface IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { readonly authorization?: string };
  readonly query: Record<string, unknown>;
}

/** The kernel's port: which kind of credentials a request carries decides who looks at them. */
@Injectable()
export class RequestAuthenticator extends Authenticator {
  constructor(
    private readonly passport: PassportAuthenticator,
    private readonly keys: ApiKeyAuthenticator,
    private readonly tickets: TicketsService,
  ) {
    super();
  }

  async authenticate(context: ExecutionContext, demands: Demands): Promise<Identity> {
    const request = context.switchToHttp().getRequest<IncomingRequest>();
    const ticket = ticketOf(request, demands);
    if (ticket !== null) return this.tickets.redeem(ticket, pathOf(request.url), demands);
    const key = apiKeyOf(request);
    return key === null ? this.passport.authenticate(context, demands) : this.keys.authenticate(key);
  }

  stillHolds(actor: UserActor): Promise<boolean> {
    return actor.type === 'user' ? this.passport.stillHolds(actor) : this.keys.stillHolds(actor);
  }
}

/**
 * The ticket of the query, taken out of it: from here on the request is as if it had come with a header, so no
 * route's schema has to know of it. 400 beside a header, because two answers to who asks are none; 401 where no
 * ticket is taken.
 */
function ticketOf({ method, headers, query }: IncomingRequest, demands: Demands): string | null {
  if (!Object.hasOwn(query, 'ticket')) return null;
  if (!demands.ticket || method !== 'GET') {
    if (headers.authorization !== undefined) return null; // an unknown parameter, for the route to refuse
    throw UserError.unauthenticated('ticket_not_accepted', 'No ticket is taken here; send the header.');
  }
  if (headers.authorization !== undefined)
    throw UserError.malformed('Send the Authorization header or a ticket, not both.', [], 'two_credentials');
  const { ticket } = query;
  if (typeof ticket !== 'string') throw UserError.field('/ticket', 'invalid_type', 'must be given once');
  delete query['ticket'];
  return ticket;
}

function apiKeyOf({ headers }: IncomingRequest): string | null {
  const [, token] = /^bearer\s+(\S+)$/i.exec(headers.authorization ?? '') ?? [];
  return token?.startsWith(API_KEY_START) ? token : null;
}
