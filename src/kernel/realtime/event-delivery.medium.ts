import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/database.js';
import { openDatabase, type OpenDatabase } from '../../../test/harness/open-database.js';
import { quietLog } from '../../../test/harness/quiet-log.js';
import { SilentHub } from '../../../test/harness/silent-hub.js';
import { until } from '../../../test/harness/until.js';
import { loadSettings } from '../config/index.js';
import { execute, query, type Tx } from '../database/index.js';
import { OperationalError } from '../http/errors.js';
import type { StoredEvent } from './event.js';
import { EventConsumer } from './event-consumer.js';
import { EventCursorsRepository } from './event-cursors.repository.js';
import { EventDelivery } from './event-delivery.js';
import { Events } from './events.js';
import { EventsRepository } from './events.repository.js';

let testDatabase: TestDatabase;
let opened: OpenDatabase;
const deliveries: EventDelivery[] = [];
const events = new Events(new EventsRepository(), new SilentHub());
let type = '';
let serial = 0;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase(testDatabase.url, 20);
  await opened.database.tx((tx) =>
    execute(
      tx,
      `create table effects (consumer text, event_id uuid, n int, place serial, primary key (consumer, event_id))`,
    ),
  );
});
beforeEach(() => {
  type = `thing.happened-${++serial}`;
});
afterEach(async () => {
  await Promise.all(deliveries.splice(0).map((delivery) => delivery.beforeApplicationShutdown()));
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

/** Writes each event down; a second delivery of one would break the primary key. */
class Recorder extends EventConsumer {
  readonly types = [type];
  constructor(
    readonly name: string,
    private readonly before: (events: readonly StoredEvent[], tx: Tx) => Promise<void> | void = () =>
      undefined,
    private readonly after: (events: readonly StoredEvent[], tx: Tx) => Promise<void> | void = () =>
      undefined,
  ) {
    super();
  }
  async handle(tx: Tx, batch: readonly StoredEvent[]): Promise<void> {
    await this.before(batch, tx);
    for (const { id, data } of batch)
      await execute(tx, `insert into effects (consumer, event_id, n) values ($1, $2, $3)`, [
        this.name,
        id,
        data['n'],
      ]);
    await this.after(batch, tx);
  }
}

async function start(role: 'worker' | 'api', ...consumers: EventConsumer[]): Promise<EventDelivery> {
  const delivery = new EventDelivery(
    loadSettings({ STEWARD_ROLE: role }),
    opened.database,
    new EventsRepository(),
    new EventCursorsRepository(),
    new SilentHub(),
    quietLog(),
  );
  for (const consumer of consumers) delivery.register(consumer);
  delivery.onModuleInit();
  await delivery.onApplicationBootstrap();
  deliveries.push(delivery);
  return delivery;
}

const record = (...ns: number[]) =>
  opened.database.tx((tx) =>
    events.record(
      tx,
      ns.map((n) => ({ type, channel: 'test', userId: null, subjectId: null, data: { n } })),
    ),
  );

/** Numbers of the events a consumer has handled, in the order it did. */
async function effects(consumer: string): Promise<number[]> {
  const rows = await query<{ n: number }>(
    opened.database.read,
    `select n from effects where consumer = $1 order by place`,
    [consumer],
  );
  return rows.map(({ n }) => n);
}

async function handled(consumer: string, count: number): Promise<number[]> {
  return until(
    async () => {
      for (const delivery of deliveries) delivery.trigger();
      const ns = await effects(consumer);
      return ns.length >= count && ns;
    },
    { describe: `${count} events to be handled` },
  );
}

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const range = (count: number) => Array.from({ length: count }, (_, n) => n);

describe('EventDelivery', () => {
  it('brings each event once and in order, to each consumer its types', async () => {
    await start('worker', new Recorder('plain'), new Recorder('plain-too'));
    await record(...range(3));
    await opened.database.tx((tx) =>
      events.record(tx, [
        { type: 'other.thing', channel: 'test', userId: null, subjectId: null, data: { n: 99 } },
      ]),
    );
    await record(3);
    expect(await handled('plain', 4)).toEqual(range(4));
    expect(await handled('plain-too', 4)).toEqual(range(4));
  });

  it('keeps events back whose data lack what a consumer asks for, and goes on behind them', async () => {
    class Choosy extends Recorder {
      override readonly onlyWith = 'why';
    }
    await start('worker', new Choosy('choosy'), new Recorder('all'));
    const data = [{ n: 1 }, { n: 2, why: null }, { n: 3, why: 'so' }, { n: 4 }, { n: 5, why: '' }, { n: 6 }];
    await opened.database.tx((tx) =>
      events.record(
        tx,
        data.map((one) => ({ type, channel: 'test', userId: null, subjectId: null, data: one })),
      ),
    );
    expect(await handled('all', 6)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(await handled('choosy', 2)).toEqual([3, 5]);
  });

  it('starts a new consumer at now, and an api process keeps its place for a later worker', async () => {
    await record(1);
    await start('api', new Recorder('placed'));
    await record(2);
    expect(await effects('placed')).toEqual([]);
    await start('worker', new Recorder('placed'));
    // The first event may still lie beyond the horizon when some other transaction was open; it is never lost.
    expect((await handled('placed', 1)).at(-1)).toBe(2);
  });

  it('goes on where it was after a dump was restored on a server with younger transaction ids', async () => {
    const delivery = await start('worker', new Recorder('restored'));
    await record(1, 2);
    await handled('restored', 2);
    await delivery.beforeApplicationShutdown();
    await record(3);
    await record(4);
    // As a restored dump looks: ids far beyond those of this server.
    await opened.database.tx(async (tx) => {
      for (const table of ['events', 'event_cursors'])
        await execute(tx, `update ${table} set xid = (xid::text::bigint + 1000000000)::text::xid8`);
    });
    await start('worker', new Recorder('restored'));
    await record(5);
    expect(await handled('restored', 5)).toEqual([1, 2, 3, 4, 5]);
  });

  it('shares the work between competing processes without doing any twice', async () => {
    await Promise.all(range(3).map(() => start('worker', new Recorder('competing', nextTurn))));
    await Promise.all(
      range(40).map(async (i) => {
        await record(...range(50).map((n) => i * 50 + n));
        for (const delivery of deliveries) delivery.trigger();
      }),
    );
    const ns = await handled('competing', 2_000);
    expect(ns).toHaveLength(2_000);
    expect(ns.toSorted((a, b) => a - b)).toEqual(range(2_000));
  });

  it('does it again, once, when the process dies between the effect and the commit', async () => {
    let crashes = 0;
    const crash = async (_: readonly StoredEvent[], tx: Tx) => {
      if (crashes++ > 0) return;
      // Ends this very connection: what a killed process looks like from the database.
      await execute(tx, `select pg_terminate_backend(pg_backend_pid())`);
    };
    await start('worker', new Recorder('crashing', undefined, crash));
    await record(...range(5));
    expect(await handled('crashing', 5)).toEqual(range(5));
    expect(crashes).toBe(2);
  });

  it('skips one event that always fails, and only that one', async () => {
    let attempts = 0;
    const refuse = (batch: readonly StoredEvent[]) => {
      if (!batch.some(({ data }) => data['n'] === 7)) return;
      if (batch.length === 1) attempts += 1;
      throw new Error('cannot handle 7');
    };
    await start('worker', new Recorder('refusing', refuse));
    await record(...range(20));
    expect(await handled('refusing', 19)).toEqual(range(20).filter((n) => n !== 7));
    expect(attempts).toBe(5);
  });

  it('never skips for what is wrong around it', async () => {
    let failures = 0;
    const away = () => {
      if (failures++ < 5) throw new OperationalError('away', 'The other side is away.');
    };
    const consumer = new Recorder('patient', away);
    await start('worker', consumer);
    await record(1);
    expect(await handled('patient', 1)).toEqual([1]);
    expect(failures).toBe(6);
  });

  it('refuses a second consumer of the same name', async () => {
    await expect(start('worker', new Recorder('twin'), new Recorder('twin'))).rejects.toThrow(
      'the name twin',
    );
  });
});
