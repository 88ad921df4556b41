import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Backend, Cluster, Server } from './cluster.js';
import type { Load } from './load.js';
import type { Random } from './random.js';

export interface Scene {
  readonly cluster: Cluster;
  readonly load: Load;
  readonly random: Random;
}

export interface Fault {
  readonly name: string;
  /** For the table. */
  readonly what: string;
  readonly backends: readonly Backend[];
  /** How often it comes in a run, compared with the others: what takes minutes comes seldom. */
  readonly weight: number;
  /** Resolves when the fault is over: whatever is still wrong then has to heal by itself. */
  readonly strike: (scene: Scene) => Promise<void>;
}

const BOTH = ['redis', 'postgres'] as const;
/** Longer than a worker may be silent. */
const PAUSE_MS = 16_000;
const BLOCK_MS = 40_000;

export const FAULTS: readonly Fault[] = [
  {
    name: 'kill-worker',
    what: 'kill -9 of workers under load',
    backends: BOTH,
    weight: 8,
    strike: (scene) => killing(scene, () => scene.random.of(scene.cluster.only('worker')), 3),
  },
  {
    name: 'kill-api',
    what: 'kill -9 of the API under load',
    backends: BOTH,
    weight: 5,
    strike: (scene) => killing(scene, () => scene.cluster.api, 2),
  },
  {
    name: 'kill-scheduler',
    what: 'kill -9 of the scheduler under load',
    backends: BOTH,
    weight: 4,
    strike: (scene) => killing(scene, () => scene.cluster.only('scheduler')[0]!, 2),
  },
  {
    name: 'kill-any',
    what: 'kill -9 of all processes at once',
    backends: BOTH,
    weight: 4,
    strike: async ({ cluster, random }) => {
      await sleep(random.between(500, 2_000));
      for (const server of cluster.servers) server.signal('SIGKILL');
    },
  },
  {
    name: 'stop-worker',
    what: 'a worker suspended for 16 s (SIGSTOP, SIGCONT)',
    backends: BOTH,
    weight: 2,
    strike: async ({ cluster, random }) => {
      const server = random.of(cluster.only('worker'));
      await sleep(1_000);
      server.signal('SIGSTOP');
      await sleep(PAUSE_MS);
      server.signal('SIGCONT');
    },
  },
  {
    name: 'redis-restart',
    what: 'Redis killed and started again with its data',
    backends: ['redis'],
    weight: 4,
    strike: (scene) => restartingRedis(scene, false),
  },
  {
    name: 'redis-empty',
    what: 'Redis killed and started again empty',
    backends: ['redis'],
    weight: 5,
    strike: (scene) => restartingRedis(scene, true),
  },
  {
    name: 'redis-flush',
    what: 'FLUSHALL under load',
    backends: ['redis'],
    weight: 8,
    strike: async (scene) => {
      for (let left = scene.random.between(1, 3); left > 0; left--) {
        await sleep(scene.random.between(500, 2_000));
        await withRedis(scene, (redis) => redis.flushall());
      }
    },
  },
  {
    name: 'redis-read-only',
    what: 'Redis made read-only (a replica, or too few replicas)',
    backends: ['redis'],
    weight: 4,
    strike: async (scene) => {
      await sleep(1_000);
      const replica = scene.random.below(2) === 0;
      await withRedis(scene, (redis) =>
        replica ? redis.replicaof('127.0.0.1', 1) : redis.config('SET', 'min-replicas-to-write', 1),
      );
      await sleep(scene.random.between(3_000, 6_000));
      await withRedis(scene, (redis) =>
        replica ? redis.replicaof('NO', 'ONE') : redis.config('SET', 'min-replicas-to-write', 0),
      );
    },
  },
  {
    name: 'postgres-immediate',
    what: 'PostgreSQL stopped with `immediate`, repeatedly',
    backends: BOTH,
    weight: 6,
    strike: async ({ cluster, random }) => {
      for (let left = random.between(1, 3); left > 0; left--) {
        await sleep(random.between(500, 2_000));
        await cluster.postgres.crash();
        await sleep(random.between(0, 2_000));
        await cluster.postgres.startAgain();
      }
    },
  },
  {
    name: 'before-postgres',
    what: 'all processes started before PostgreSQL',
    backends: BOTH,
    weight: 2,
    strike: async ({ cluster }) => {
      await cluster.postgres.crash();
      for (const server of cluster.servers) server.signal('SIGKILL');
      await sleep(5_000);
      await cluster.postgres.startAgain();
    },
  },
  {
    name: 'half-open-postgres',
    what: 'connections to PostgreSQL cut without a word',
    backends: BOTH,
    weight: 2,
    strike: async ({ cluster, random }) => {
      await sleep(1_000);
      cluster.postgresCable.blackHole();
      await sleep(random.between(1_000, 8_000));
      cluster.postgresCable.mend();
    },
  },
  {
    name: 'half-open-redis',
    what: 'connections to Redis cut without a word',
    backends: ['redis'],
    weight: 2,
    strike: async ({ cluster, random }) => {
      await sleep(1_000);
      cluster.redisCable?.blackHole();
      await sleep(random.between(1_000, 8_000));
      cluster.redisCable?.mend();
    },
  },
  {
    name: 'blocked-loop',
    what: 'the event loop of a worker blocked for 40 s by a handler',
    backends: BOTH,
    weight: 1,
    strike: async ({ load }) => {
      await load.one('blocking', BLOCK_MS);
      await sleep(BLOCK_MS);
    },
  },
  {
    name: 'clock',
    what: 'the clocks of workers and scheduler set by hours, and back',
    backends: BOTH,
    weight: 4,
    strike: async ({ cluster, random }) => {
      const moved = cluster.servers.filter(({ role }) => role !== 'api');
      await sleep(1_000);
      for (const server of moved) server.signal('SIGUSR2');
      await sleep(random.between(2_000, 6_000));
      for (const server of moved) server.signal('SIGUSR2');
    },
  },
];

async function killing({ random }: Scene, which: () => Server, most: number): Promise<void> {
  for (let left = random.between(1, most); left > 0; left--) {
    await sleep(random.between(300, 2_000));
    which().signal('SIGKILL');
  }
}

async function restartingRedis({ cluster, random }: Scene, empty: boolean): Promise<void> {
  await sleep(random.between(500, 2_000));
  await cluster.redis?.kill();
  await sleep(random.between(0, 3_000));
  await cluster.redis?.startAgain({ empty });
}

async function withRedis({ cluster }: Scene, work: (redis: Redis) => Promise<unknown>): Promise<void> {
  const redis = new Redis(cluster.redis?.port ?? 0, '127.0.0.1', { maxRetriesPerRequest: 2 });
  redis.on('error', () => undefined);
  try {
    await work(redis);
  } finally {
    redis.disconnect();
  }
}
