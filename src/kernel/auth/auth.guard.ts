import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { UserError } from '../http/errors.js';
import { ACCESS, type Access, type Authenticated } from './access.js';
import { hasRole } from './actor.js';
import { Authenticator } from './authenticator.js';

/** Global guard: a route that declares nothing is refused, whoever asks. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (!access) throw UserError.forbidden('This route declares no access rule.', 'route_undeclared');
    if (access.kind === 'public') return true;
    const actor = await this.authenticator.authenticate(context);
    context.switchToHttp().getRequest<Authenticated>().actor = actor;
    if (!hasRole(actor, access.role))
      throw UserError.forbidden(`This needs the role ${access.role}.`, 'role_required');
    return true;
  }
}
