import { SetMetadata, applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiQuery } from '@nestjs/swagger';
import type { SessionActor, UserActor, UserRole } from './actor.js';

export const ACCESS = 'steward:access';

/** What an API key must have been given to call a route, such as `jobs:read`. */
export type Scope = `${string}:${'read' | 'write'}`;

/** What a signed-in route demands beyond the role. */
export interface Demands {
  /** The person must have proved who they are within the last minutes: 403 `reauth_required` otherwise. */
  readonly recentLogin?: true;
  /** A one-use `?ticket=` is accepted in place of the header: for streams and downloads in a browser. */
  readonly ticket?: true;
  /** Also open to those whose role demands a second factor that is not set up yet. */
  readonly beforeEnrolment?: true;
}

/** What a route demands; declared on each one, or boot refuses to start (rule 3). */
export type Access =
  | { readonly kind: 'public'; readonly why: string }
  | {
      readonly kind: 'role';
      readonly role: UserRole;
      /** `session`: for people only, no key may call it. */
      readonly scope: Scope | 'session';
      readonly demands: Demands;
    };

const TICKET_PARAMETER = ApiQuery({
  name: 'ticket',
  required: false,
  description: 'A ticket of POST /api/auth/tickets in place of the Authorization header; works once.',
  schema: { type: 'string' },
});

/** Signed-in users of at least this role; API keys need the scope, `session` refuses every key. */
export const Requires = (
  role: UserRole,
  scope: Scope | 'session',
  demands: Demands = {},
): MethodDecorator & ClassDecorator =>
  applyDecorators(
    SetMetadata(ACCESS, { kind: 'role', role, scope, demands } satisfies Access),
    ApiBearerAuth(),
    ApiExtension('x-required-role', role),
    ApiExtension('x-required-scope', scope),
    ...(demands.ticket ? [TICKET_PARAMETER] : []),
  );

/** Open to everybody; `why` says what makes that safe. */
export const Public = (why: string): MethodDecorator & ClassDecorator =>
  SetMetadata(ACCESS, { kind: 'public', why } satisfies Access);

export interface Authenticated {
  actor?: UserActor;
}

/** The signed-in user, as a controller argument. */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): UserActor =>
  signedIn(context),
);

/** The person who has logged in, as an argument of a route with the scope `session`. */
export const CurrentSession = createParamDecorator((_: unknown, context: ExecutionContext): SessionActor => {
  const actor = signedIn(context);
  if (actor.type !== 'user') throw new Error('CurrentSession on a route that is open to keys');
  return actor;
});

function signedIn(context: ExecutionContext): UserActor {
  const { actor } = context.switchToHttp().getRequest<Authenticated>();
  if (!actor) throw new Error('CurrentActor on a public route');
  return actor;
}
