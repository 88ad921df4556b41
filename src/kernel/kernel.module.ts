import { Global, Module, type DynamicModule } from '@nestjs/common';
import { ScheduleModule } from '@nestjs/schedule';
import { AuthKernelModule } from './auth/auth-kernel.module.js';
import { Settings, serves, signingSecret } from './config/index.js';
import { Keyring } from './crypto/index.js';
import { DatabaseModule } from './database/database.module.js';
import { HealthModule } from './health/index.js';
import { IdempotencyExpiry } from './http/idempotency-expiry.js';
import { Idempotency } from './http/idempotency.js';
import { IdempotencyRepository } from './http/idempotency.repository.js';
import { Log } from './log/index.js';
import { MailKernelModule } from './mail/index.js';
import { MetricsModule } from './metrics/index.js';
import { QueueModule } from './queue/index.js';
import { RateLimitModule } from './rate-limit/index.js';
import { RealtimeModule } from './realtime/index.js';
import { RedisModule } from './redis/index.js';
import { RetentionModule } from './retention/index.js';
import { StorageModule } from './storage/index.js';
import { Clock, SystemClock } from './time/index.js';

/** What a process has found or started before Nest is built: everything here answers when asked. */
export interface Runtime {
  readonly settings: Settings;
  readonly databaseUrl: string;
  readonly log: Log;
}

/** Everything that knows no feature. Global, so that feature modules list only other features. */
@Global()
@Module({})
export class KernelModule {
  static forRoot({ settings, databaseUrl, log }: Runtime): DynamicModule {
    return {
      module: KernelModule,
      imports: [
        ScheduleModule.forRoot(),
        DatabaseModule.forRoot(databaseUrl, settings.databasePoolSize),
        QueueModule.forRoot({
          databaseUrl,
          redisUrl: settings.redisUrl,
          concurrency: serves(settings, 'worker') ? settings.workerConcurrency : null,
        }),
        HealthModule,
        MetricsModule,
        AuthKernelModule,
        RateLimitModule,
        MailKernelModule,
        RetentionModule,
        StorageModule,
        RedisModule.forRoot(settings.redisUrl),
        RealtimeModule.forRoot(databaseUrl),
      ],
      providers: [
        { provide: Settings, useValue: settings },
        { provide: Log, useValue: log },
        { provide: Clock, useClass: SystemClock },
        { provide: Keyring, useFactory: () => new Keyring(signingSecret(settings)) },
        Idempotency,
        IdempotencyExpiry,
        IdempotencyRepository,
      ],
      exports: [AuthKernelModule, Settings, Log, Clock, Keyring, Idempotency],
    };
  }
}
