import { BullModule } from '@nestjs/bullmq';
import {
  Global,
  Inject,
  Module,
  type DynamicModule,
  type OnApplicationBootstrap,
  type OnApplicationShutdown,
} from '@nestjs/common';
import { createPostgresBackend, setDefaultBackendFactory, type ConnectionOptions } from 'bullmq';
import { Pool } from 'pg';
import { ConnectionWatch, Installation } from '../database/index.js';
import { redisOptions } from '../redis/index.js';
import { HintQueue } from './hint-queue.js';
import { HintStore } from './hint-store.js';
import { processorHost, type ProcessorHost } from './processor-host.js';
import { PROCESSOR_HOSTS, QueueHosts } from './queue-hosts.js';
import { QUEUE_NAMES, QUEUE_SCHEMA } from './queues.js';

/** Nothing that the queue asks takes long: without an answer by then the connection is gone. */
const ANSWER_MS = 30_000;

const QUEUE_POOL = Symbol('queue pool');
const QUEUE_WATCH = Symbol('queue watch');

export interface QueueOptions {
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** Hints one worker of this process handles at a time; null: this process does no jobs and has no workers. */
  readonly concurrency: number | null;
}

/**
 * BullMQ on Redis when there is one, else on PostgreSQL through one shared pool.
 *
 * The pool is larger than the number of workers and queues, because each worker keeps one connection listening:
 * a pool no larger than their number stands still for ever. Completed messages are always removed: the record
 * of a job is its row.
 */
@Global()
@Module({})
export class QueueModule implements OnApplicationBootstrap, OnApplicationShutdown {
  constructor(
    @Inject(QUEUE_POOL) private readonly pool: Pool | null,
    @Inject(QUEUE_WATCH) private readonly watch: ConnectionWatch | null,
  ) {}

  onApplicationBootstrap(): void {
    this.watch?.start();
  }

  static forRoot({ databaseUrl, redisUrl, concurrency }: QueueOptions): DynamicModule {
    const pool = redisUrl === undefined ? queuePool(databaseUrl) : null;
    if (pool) setDefaultBackendFactory(createPostgresBackend);
    else setDefaultBackendFactory();
    // Typed for Redis only; the PostgreSQL backend takes the pool in the same place.
    const connection = (pool ?? { url: redisUrl, ...redisOptions('worker') }) as ConnectionOptions;
    const hosts = concurrency === null ? [] : QUEUE_NAMES.map((name) => processorHost(name, concurrency));
    return {
      module: QueueModule,
      imports: [
        BullModule.forRootAsync({
          inject: [Installation],
          useFactory: ({ name }: Installation) => ({
            connection,
            prefix: name,
            defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: true },
          }),
        }),
        BullModule.registerQueue(...QUEUE_NAMES.map((name) => ({ name }))),
      ],
      providers: [
        { provide: QUEUE_POOL, useValue: pool },
        { provide: QUEUE_WATCH, useValue: pool && new ConnectionWatch(pool, databaseUrl) },
        HintQueue,
        HintStore,
        ...hosts,
        { provide: PROCESSOR_HOSTS, useFactory: (...made: ProcessorHost[]) => made, inject: hosts },
        QueueHosts,
      ],
      exports: [HintQueue, HintStore, QueueHosts],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    this.watch?.stop();
    await this.pool?.end();
  }
}

function queuePool(connectionString: string): Pool {
  const pool = new Pool({
    connectionString,
    application_name: 'steward queue',
    options: `-c search_path=${QUEUE_SCHEMA}`,
    max: QUEUE_NAMES.length * 2 + 4,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    connectionTimeoutMillis: 10_000,
    query_timeout: ANSWER_MS,
  });
  // Every queue and worker adds an error listener; ours keeps a dropped idle connection from ending the process.
  pool.setMaxListeners(0);
  pool.on('error', () => undefined);
  return pool;
}
