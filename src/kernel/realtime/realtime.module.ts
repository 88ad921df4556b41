import { Global, Module, type DynamicModule } from '@nestjs/common';
import { Installation } from '../database/index.js';
import { Log } from '../log/index.js';
import { RedisConnections } from '../redis/index.js';
import { CredentialChanges } from './credential-changes.js';
import { EventCursorsRepository } from './event-cursors.repository.js';
import { EventDelivery } from './event-delivery.js';
import { EventRetention } from './event-retention.js';
import { EventRetentionRepository } from './event-retention.repository.js';
import { EventStreams } from './event-streams.js';
import { EventTail } from './event-tail.js';
import { EventsController } from './events.controller.js';
import { Events } from './events.js';
import { EventsRepository } from './events.repository.js';
import { Hub } from './hub.js';
import { PostgresTransport } from './postgres-transport.js';
import { RedisTransport } from './redis-transport.js';
import { SseRegistry } from './sse-registry.js';
import { TransportHub } from './transport-hub.js';

/** Messages between processes, stored events and streams to clients. */
@Global()
@Module({})
export class RealtimeModule {
  /** The hub uses Redis where it is configured, and otherwise the database at `databaseUrl`. */
  static forRoot(databaseUrl: string): DynamicModule {
    return {
      module: RealtimeModule,
      controllers: [EventsController],
      providers: [
        {
          provide: Hub,
          useFactory: (log: Log, { name }: Installation, redis?: RedisConnections) =>
            new TransportHub(
              redis ? new RedisTransport(redis, name) : new PostgresTransport(databaseUrl),
              log,
            ),
          inject: [Log, Installation, { token: RedisConnections, optional: true }],
        },
        CredentialChanges,
        Events,
        EventsRepository,
        EventCursorsRepository,
        EventDelivery,
        EventTail,
        EventStreams,
        EventRetention,
        EventRetentionRepository,
        SseRegistry,
      ],
      exports: [Hub, CredentialChanges, Events, EventDelivery, EventTail, SseRegistry],
    };
  }
}
