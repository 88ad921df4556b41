import { Global, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Installation } from '../database/index.js';
import { Health, HealthModule } from '../health/index.js';
import { Log } from '../log/index.js';
import { PublishedKeys, RedisPublishedKeys } from './published-keys.js';
import { RedisConnections } from './redis-connections.js';

/** Redis as a part of the health report: without it the process degrades but serves. */
class RedisHealth implements OnModuleInit {
  private connection: Redis | undefined;

  constructor(
    private readonly health: Health,
    private readonly connections: RedisConnections,
  ) {}

  onModuleInit(): void {
    this.health.register({ name: 'redis', vital: false, check: () => this.ping() });
  }

  private async ping(): Promise<void> {
    this.connection ??= this.connections.open('producer');
    await this.connection.ping();
  }
}

/** With a URL: `RedisConnections` everywhere, and a health part. Without: nothing, so inject it as optional. */
@Global()
@Module({})
export class RedisModule {
  static forRoot(url: string | undefined): DynamicModule {
    if (url === undefined) return { module: RedisModule };
    return {
      module: RedisModule,
      imports: [HealthModule],
      providers: [
        {
          provide: RedisConnections,
          useFactory: (log: Log) => new RedisConnections(url, log),
          inject: [Log],
        },
        {
          provide: PublishedKeys,
          useFactory: (connections: RedisConnections, { name }: Installation, log: Log) =>
            new RedisPublishedKeys(connections, name, log),
          inject: [RedisConnections, Installation, Log],
        },
        {
          provide: RedisHealth,
          useFactory: (health: Health, connections: RedisConnections) => new RedisHealth(health, connections),
          inject: [Health, RedisConnections],
        },
      ],
      exports: [RedisConnections, PublishedKeys],
    };
  }
}
