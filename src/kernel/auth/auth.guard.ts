import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { UserError } from '../http/errors.js';
import { ApiLimits } from '../rate-limit/index.js';
import { Clock } from '../time/index.js';
import { ACCESS, type Access, type Authenticated, type Demands } from './access.js';
import { hasRole } from './actor.js';
import { Authenticator, type Identity } from './authenticator.js';

/** How long a login counts as recent for what could take an account over (ASVS 7.5.1). */
const RECENT_LOGIN_MS = 10 * 60_000;

/** Global guard: a route that declares nothing is refused, whoever asks. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly clock: Clock,
    private readonly limits: ApiLimits,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (!access) throw UserError.forbidden('This route declares no access rule.', 'route_undeclared');
    if (access.kind === 'public') {
      await this.limits.anonymous(context);
      return true;
    }
    const identity = await this.identify(context, access.demands);
    context.switchToHttp().getRequest<Authenticated>().actor = identity.actor;
    await this.limits.user(context, identity.actor.userId);
    const refused = refusal(access, identity, this.clock.now());
    if (refused) throw refused;
    return true;
  }

  /**
   * Only refused credentials count against the address, and only after they were looked at: were an address shut
   * beforehand, one client could shut out everybody behind the same router.
   */
  private async identify(context: ExecutionContext, demands: Demands): Promise<Identity> {
    try {
      return await this.authenticator.authenticate(context, demands);
    } catch (error) {
      if (error instanceof UserError && error.status === 401) await this.limits.anonymous(context);
      throw error;
    }
  }
}

type RoleAccess = Extract<Access, { kind: 'role' }>;

/** Why a signed-in caller may not use the route; null when it may. */
export function refusal(
  { role, scope, demands }: RoleAccess,
  identity: Identity,
  now: Date,
): UserError | null {
  if (!hasRole(identity.actor, role))
    return UserError.forbidden(`This needs the role ${role}.`, 'role_required');
  if (identity.scopes && scope === 'session')
    return UserError.forbidden('No API key may do this; log in.', 'session_required');
  if (identity.scopes && !identity.scopes.includes(scope))
    return UserError.forbidden(`This API key does not have the scope ${scope}.`, 'scope_required');
  if (identity.mustEnrol && !demands.beforeEnrolment)
    return UserError.forbidden(
      'Your role demands a second factor; set one up first.',
      'mfa_enrolment_required',
    );
  const since = identity.authenticatedAt ? now.getTime() - identity.authenticatedAt.getTime() : Infinity;
  if (demands.recentLogin && since > RECENT_LOGIN_MS) return reauthenticationRequired(identity);
  return null;
}

/** A key can prove nothing. */
function reauthenticationRequired({ actor, hasFactor = false }: Identity): UserError {
  if (actor.type === 'api_key')
    return UserError.forbidden('No API key may do this; log in.', 'reauth_required', { methods: [] });
  const code = hasFactor ? ' and a code of your second factor' : '';
  return UserError.forbidden(
    `Prove who you are once more: POST /api/auth/reauthenticate with your password${code}.`,
    'reauth_required',
    { methods: ['password', ...(hasFactor ? (['totp', 'recovery_code'] as const) : [])] },
  );
}
