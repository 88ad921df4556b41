import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { redisUrl } from '../../../test/harness/capabilities.js';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/database.js';
import { quietLog } from '../../../test/harness/quiet-log.js';
import { startRedisServer } from '../../../test/harness/redis-server.js';
import { until } from '../../../test/harness/until.js';
import { RedisConnections } from '../redis/index.js';
import type { HubTransport } from './hub-transport.js';
import { PostgresTransport } from './postgres-transport.js';
import { RedisTransport } from './redis-transport.js';
import { TransportHub } from './transport-hub.js';

let database: TestDatabase;
const hubs: TransportHub[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(hubs.splice(0).map((hub) => hub.stop()));
});
afterAll(() => database.drop());

async function started(transport: HubTransport): Promise<TransportHub> {
  const hub = new TransportHub(transport, quietLog());
  hubs.push(hub);
  await hub.start();
  return hub;
}

/** What a hub hears on a topic. */
function heard(hub: TransportHub, topic = 'news'): object[] {
  const messages: object[] = [];
  hub.subscribe(topic, (message) => messages.push(message));
  return messages;
}

const backends: { name: string; make: () => HubTransport; skip: boolean }[] = [
  { name: 'PostgreSQL', make: () => new PostgresTransport(database.url), skip: false },
  {
    name: 'Redis',
    make: () => new RedisTransport(new RedisConnections(redisUrl()!, quietLog()), 'hub-test'),
    skip: redisUrl() === undefined,
  },
];

for (const { name, make, skip } of backends)
  describe.skipIf(skip)(`the hub on ${name}`, () => {
    it('delivers here before publish returns, elsewhere soon, and nowhere twice', async () => {
      const [here, there] = [await started(make()), await started(make())];
      const [own, others] = [heard(here), heard(there)];
      here.publish('news', { n: 1 });
      expect(own).toEqual([{ n: 1 }]);
      await until(() => others.length > 0, { describe: 'the other hub to hear it' });
      there.publish('news', { n: 2 });
      await until(() => own.length > 1, { describe: 'the answer' });
      expect(own).toEqual([{ n: 1 }, { n: 2 }]);
      expect(others).toEqual([{ n: 1 }, { n: 2 }]);
    });

    it('carries a burst in order, with any text in it', async () => {
      const [here, there] = [await started(make()), await started(make())];
      const others = heard(there);
      const texts = Array.from(
        { length: 3_000 },
        (_, i) => `${i} \0 \ud800 ก ' " \\ \n ${'x'.repeat(i % 500)}`,
      );
      for (const text of texts) here.publish('news', { text });
      await until(() => others.length >= texts.length, {
        describe: () => `all messages, ${others.length} came`,
      });
      expect(others).toEqual(texts.map((text) => ({ text })));
    });

    it('keeps a message that is too large in this process', async () => {
      const [here, there] = [await started(make()), await started(make())];
      const [own, others] = [heard(here), heard(there)];
      const large = { text: 'x'.repeat(2_000_000) };
      here.publish('news', large);
      here.publish('news', { after: true });
      await until(() => others.length > 0, { describe: 'the small message' });
      expect(others).toEqual([{ after: true }]);
      expect(own).toEqual([large, { after: true }]);
    });

    it('survives a listener that throws', async () => {
      const [here, there] = [await started(make()), await started(make())];
      for (const hub of [here, there])
        hub.subscribe('news', () => {
          throw new Error('broken listener');
        });
      const [own, others] = [heard(here), heard(there)];
      here.publish('news', { n: 1 });
      await until(() => others.length > 0, { describe: 'the other hub to hear it' });
      expect(own).toEqual([{ n: 1 }]);
    });

    it('delivers only what is subscribed, until it no longer is', async () => {
      const [here, there] = [await started(make()), await started(make())];
      const [news, others] = [heard(there), heard(there, 'other')];
      const ended: object[] = [];
      there.subscribe('news', (message) => ended.push(message))();
      here.publish('news', { n: 1 });
      here.publish('other', { n: 2 });
      await until(() => others.length > 0, { describe: 'the last message' });
      expect([news, others, ended]).toEqual([[{ n: 1 }], [{ n: 2 }], []]);
    });

    it('sends what is pending when it stops', async () => {
      const [here, there] = [await started(make()), await started(make())];
      const others = heard(there);
      here.publish('news', { last: true });
      await here.stop();
      await until(() => others.length > 0, { describe: 'the last message' });
      expect(others).toEqual([{ last: true }]);
    });
  });

describe('the hub on PostgreSQL', () => {
  it('comes back after its connection was ended, and says that it missed something', async () => {
    const [here, there] = [
      await started(new PostgresTransport(database.url)),
      await started(new PostgresTransport(database.url)),
    ];
    let reconnects = 0;
    const heardBack: boolean[] = [];
    there.onReconnect(() => heardBack.push(there.connected));
    there.onReconnect(() => (reconnects += 1));
    expect(there.connected).toBe(true);
    await admin(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'steward hub'
                    and datname = current_database()`);
    await until(() => reconnects > 0, { describe: 'the hub to be back' });
    expect(heardBack).toEqual([true]);
    const others = heard(there);
    await until(
      () => {
        here.publish('news', { again: true });
        return others.length > 0;
      },
      { describe: 'messages to flow again' },
    );
    expect(reconnects).toBe(1);
  });

  it('starts although the database cannot be reached, and connects in the background', async () => {
    const name = new URL(database.url).pathname.slice(1);
    await admin(`alter database ${name} allow_connections false`, 'postgres');
    const hub = await started(new PostgresTransport(database.url));
    expect(() => hub.publish('news', {})).not.toThrow();
    expect(hub.connected).toBe(false);
    await admin(`alter database ${name} allow_connections true`, 'postgres');
    const there = await started(new PostgresTransport(database.url));
    const others = heard(there);
    await until(
      () => {
        hub.publish('news', { n: 1 });
        return others.length > 0;
      },
      { describe: 'the first hub to be connected' },
    );
  });

  it('ignores notifications that are not its own kind', async () => {
    const [here, there] = [
      await started(new PostgresTransport(database.url)),
      await started(new PostgresTransport(database.url)),
    ];
    const others = heard(there);
    await admin(`select pg_notify('steward_hub', 'nonsense'), pg_notify('steward_hub', '')`);
    here.publish('news', { n: 1 });
    await until(() => others.length > 0, { describe: 'the message behind the nonsense' });
    expect(others).toEqual([{ n: 1 }]);
  });
});

describe.skipIf(redisUrl() === undefined)('the hub on Redis', () => {
  it('takes messages while Redis is away, which may be lost, and comes back by itself', async () => {
    const server = await startRedisServer();
    const make = () => new RedisTransport(new RedisConnections(server.url, quietLog()), 'hub-test');
    const [here, there] = [await started(make()), await started(make())];
    let reconnects = 0;
    const heardBack: boolean[] = [];
    there.onReconnect(() => heardBack.push(there.connected));
    there.onReconnect(() => (reconnects += 1));
    expect(there.connected).toBe(true);
    await server.kill();
    await until(() => !there.connected, { describe: 'the loss to be noticed' });
    here.publish('news', { perhaps: true });
    const again = await startRedisServer({}, server.port);
    try {
      await until(() => reconnects > 0, { describe: 'the hub to be back' });
      expect(heardBack).toEqual([true]);
      const others = heard(there);
      await until(
        () => {
          here.publish('news', { again: true });
          return others.some((message) => 'again' in message);
        },
        { describe: 'messages to flow again' },
      );
      expect(reconnects).toBe(1);
    } finally {
      await again.kill();
    }
  });

  it('starts although Redis is not there yet', async () => {
    const server = await startRedisServer();
    await server.kill();
    const here = await started(new RedisTransport(new RedisConnections(server.url, quietLog()), 'hub-test'));
    expect(() => here.publish('news', {})).not.toThrow();
    expect(here.connected).toBe(false);
  });
});

async function admin(sql: string, name?: string): Promise<void> {
  const url = new URL(database.url);
  if (name !== undefined) url.pathname = `/${name}`;
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
