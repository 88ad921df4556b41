import { Module } from '@nestjs/common';
import { APP_GUARD, DiscoveryModule } from '@nestjs/core';
import { AuthGuard } from './auth.guard.js';
import { DeclaredRoutes } from './declared-routes.js';

/** The guard of every route. `Authenticator` is bound by the auth module, which is global for that one reason. */
@Module({
  imports: [DiscoveryModule],
  providers: [DeclaredRoutes, { provide: APP_GUARD, useClass: AuthGuard }],
  exports: [DeclaredRoutes],
})
export class AuthKernelModule {}
