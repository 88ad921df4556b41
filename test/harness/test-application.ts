import {
  Global,
  Module,
  type DynamicModule,
  type ExecutionContext,
  type ModuleMetadata,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Authenticator, USER_ROLES, type Identity, type UserRole } from '../../src/kernel/auth/index.js';
import { loadSettings } from '../../src/kernel/config/index.js';
import { createHttpApplication } from '../../src/kernel/http/application.js';
import { UserError } from '../../src/kernel/http/index.js';
import { KernelModule } from '../../src/kernel/kernel.module.js';
import { asApplication } from './database.js';
import { NO_LIMITS } from '../../bench/no-limits.js';
import { quietLog } from './quiet-log.js';

/** Takes the header `x-test-user: <user id>[ <role>]` for who asks. */
class HeaderAuthenticator extends Authenticator {
  authenticate(context: ExecutionContext): Promise<Identity> {
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string | undefined> }>();
    const [userId, role = 'user'] = headers['x-test-user']?.split(' ') ?? [];
    if (!userId || !(USER_ROLES as readonly string[]).includes(role))
      return Promise.reject(UserError.unauthenticated('no_user', 'x-test-user is missing or malformed.'));
    return Promise.resolve({
      actor: { type: 'user', userId, role: role as UserRole, sessionId: userId },
      scopes: null,
      authenticatedAt: new Date(),
      mustEnrol: false,
    });
  }

  stillHolds(): Promise<boolean> {
    return Promise.resolve(true);
  }
}

@Global()
@Module({ providers: [{ provide: Authenticator, useClass: HeaderAuthenticator }], exports: [Authenticator] })
class HeaderAuthModule {}

@Module({})
class TestRootModule {}

export interface TestApplication {
  readonly app: NestFastifyApplication;
  /** Where it listens, without a slash at the end. */
  readonly url: string;
}

/** The kernel with some modules on top, listening on a free port: real HTTP, with a header in place of a login. */
export async function startTestApplication(
  databaseUrl: string,
  imports: NonNullable<ModuleMetadata['imports']> = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<TestApplication> {
  const log = quietLog();
  const settings = loadSettings({
    NODE_ENV: 'test',
    DATABASE_URL: databaseUrl,
    ...NO_LIMITS,
    ...environment,
  });
  const root: DynamicModule = {
    module: TestRootModule,
    imports: [
      KernelModule.forRoot({ settings, databaseUrl: asApplication(databaseUrl), log }),
      HeaderAuthModule,
      ...imports,
    ],
  };
  const app = await createHttpApplication(root, log);
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { app, url: (await app.getUrl()).replace(/\/$/, '') };
}
