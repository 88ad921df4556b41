import { Injectable, RequestMethod, type OnModuleInit } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { ACCESS, type Access, type Scope } from './access.js';
import { USER_ROLES, type UserRole } from './actor.js';

/** A route as its controller declares it. */
export interface DeclaredRoute {
  /** `GET`, `POST` … */
  readonly method: string;
  /** With its parameters by name: `/api/jobs/:id`. */
  readonly path: string;
  /** Class and method, for error messages. */
  readonly handler: string;
  readonly access: Access;
}

type Undeclared = Omit<DeclaredRoute, 'access'> & { readonly access: Access | undefined };

/**
 * Every route with what it demands. Refuses to boot while any declares neither `@Requires` nor `@Public` (rule 3),
 * naming all of them.
 */
@Injectable()
export class DeclaredRoutes implements OnModuleInit {
  private routes: readonly DeclaredRoute[] = [];

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    const found = this.discovery.getControllers().flatMap((wrapper) => {
      const { metatype, instance } = wrapper as { metatype?: (new () => object) | null; instance?: object };
      return metatype && instance ? this.routesOf(metatype, instance) : [];
    });
    const undeclared = found.filter(({ access }) => !access);
    if (undeclared.length > 0)
      throw new Error(
        `Routes without @Requires(…) or @Public('why'): ${undeclared
          .map(({ handler, method }) => `${handler} (${method})`)
          .join(', ')}`,
      );
    this.routes = found as readonly DeclaredRoute[];
  }

  /** Known once the modules are initialised. */
  all(): readonly DeclaredRoute[] {
    return this.routes;
  }

  /** The scopes that somebody of this role can use at all: those of a route the role may call. */
  scopesFor(role: UserRole): ReadonlySet<Scope> {
    const scopes = new Set<Scope>();
    for (const { access } of this.routes)
      if (access.kind === 'role' && access.scope !== 'session' && includes(role, access.role))
        scopes.add(access.scope);
    return scopes;
  }

  private routesOf(metatype: new () => object, instance: object): Undeclared[] {
    const prototype = Object.getPrototypeOf(instance) as Record<string, (...args: never[]) => unknown>;
    return this.scanner.getAllMethodNames(prototype).flatMap((name) => {
      const handler = prototype[name];
      if (!handler || !Reflect.hasMetadata(PATH_METADATA, handler)) return [];
      const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, [handler, metatype]);
      const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as number] ?? 'ALL';
      return pathsOf(metatype).flatMap((root) =>
        pathsOf(handler).map((path) => ({
          method,
          path: `/${[root, path]
            .flatMap((part) => part.split('/'))
            .filter(Boolean)
            .join('/')}`,
          handler: `${metatype.name}.${name}`,
          access,
        })),
      );
    });
  }
}

const includes = (role: UserRole, needed: UserRole): boolean =>
  USER_ROLES.indexOf(role) >= USER_ROLES.indexOf(needed);

const pathsOf = (target: object): string[] =>
  [Reflect.getMetadata(PATH_METADATA, target) as string | string[] | undefined]
    .flat()
    .map((path) => path ?? '');
