import { SetMetadata, applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import type { UserActor, UserRole } from './actor.js';

export const ACCESS = 'steward:access';

/** What a route demands; declared on each one, or boot refuses to start (rule 3). */
export type Access =
  { readonly kind: 'public'; readonly why: string } | { readonly kind: 'role'; readonly role: UserRole };

/** Signed-in users of at least this role. */
export const Requires = (role: UserRole): MethodDecorator & ClassDecorator =>
  applyDecorators(SetMetadata(ACCESS, { kind: 'role', role } satisfies Access), ApiBearerAuth());

/** Open to everybody; `why` says what makes that safe. */
export const Public = (why: string): MethodDecorator & ClassDecorator =>
  SetMetadata(ACCESS, { kind: 'public', why } satisfies Access);

export interface Authenticated {
  actor?: UserActor;
}

/** The signed-in user, as a controller argument. */
export const CurrentActor = createParamDecorator((_: unknown, context: ExecutionContext): UserActor => {
  const { actor } = context.switchToHttp().getRequest<Authenticated>();
  if (!actor) throw new Error('CurrentActor on a public route');
  return actor;
});
