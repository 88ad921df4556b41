import { Injectable, RequestMethod, type OnModuleInit } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner, Reflector } from '@nestjs/core';
import { ACCESS } from './access.js';

/** Refuses to boot while any route declares neither `@Requires` nor `@Public` (rule 3), naming all of them. */
@Injectable()
export class DeclaredRoutes implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    const undeclared = this.discovery.getControllers().flatMap((wrapper) => {
      const { metatype, instance } = wrapper as { metatype?: (new () => object) | null; instance?: object };
      if (!metatype || !instance) return [];
      const prototype = Object.getPrototypeOf(instance) as Record<string, (...args: never[]) => unknown>;
      return this.scanner
        .getAllMethodNames(prototype)
        .map((name) => [name, prototype[name]] as const)
        .filter(([, handler]) => handler && Reflect.hasMetadata(PATH_METADATA, handler))
        .filter(([, handler]) => !this.reflector.getAllAndOverride(ACCESS, [handler!, metatype]))
        .map(
          ([name, handler]) =>
            `${metatype.name}.${name} (${RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler!) as number]})`,
        );
    });
    if (undeclared.length > 0)
      throw new Error(`Routes without @Requires(…) or @Public('why'): ${undeclared.join(', ')}`);
  }
}
