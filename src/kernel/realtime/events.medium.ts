import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/database.js';
import { openDatabase, type OpenDatabase } from '../../../test/harness/open-database.js';
import { quietLog } from '../../../test/harness/quiet-log.js';
import { SilentHub } from '../../../test/harness/silent-hub.js';
import { until } from '../../../test/harness/until.js';
import { newId } from '../database/index.js';
import { parseCursor } from './cursor.js';
import type { NewEvent } from './event.js';
import { EventTail } from './event-tail.js';
import { Events } from './events.js';
import { EventsRepository } from './events.repository.js';

let testDatabase: TestDatabase;
let opened: OpenDatabase;
const repository = new EventsRepository();
const events = new Events(repository, new SilentHub());

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  opened = await openDatabase(testDatabase.url);
});
afterAll(async () => {
  await opened.close();
  await testDatabase.drop();
});

const event = (channel: string, n: number, more: Partial<NewEvent> = {}): NewEvent => ({
  type: 'thing.happened',
  channel,
  userId: null,
  subjectId: null,
  data: { n },
  ...more,
});
const record = (...list: NewEvent[]) => opened.database.tx((tx) => events.record(tx, list));
const horizon = () => repository.horizon(opened.database.read);

/** Numbers of a channel's events behind a position, once nothing is held back any more. */
async function numbers(channel: string, after = { xid: 0n, seq: 0n }): Promise<unknown[]> {
  const found = await repository.read(opened.database.read, after, 1_000, { channels: [channel] });
  return found.map(({ data }) => data['n']);
}

/** A transaction that records one event and commits when told. */
async function openTransaction(channel: string, n: number) {
  const client = new pg.Client({ connectionString: testDatabase.url });
  await client.connect();
  await client.query('begin');
  await client.query(`insert into events (id, type, channel, data) values ($1, 'thing.happened', $2, $3)`, [
    newId(),
    channel,
    { n },
  ]);
  return {
    commit: async () => {
      await client.query('commit');
      await client.end();
    },
  };
}

it('stores many at once, in their order, with everything they say', async () => {
  const [userId, subjectId] = [newId(), newId()];
  const list = Array.from({ length: 200 }, (_, n) => event('many', n, { userId, subjectId }));
  await record(...list);
  const stored = await until(
    async () => {
      const found = await repository.read(opened.database.read, { xid: 0n, seq: 0n }, 500, { userId });
      return found.length > 0 && found;
    },
    { describe: 'the events to be below the horizon' },
  );
  expect(stored.map(({ data }) => data)).toEqual(list.map(({ data }) => data));
  expect(stored[0]).toMatchObject({ type: 'thing.happened', channel: 'many', userId, subjectId });
  expect(stored[0]!.createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

it('stores text that jsonb would refuse', async () => {
  await record(event('odd', 1, { data: { text: 'a\0b\ud800c', inside: [{ deep: '\0' }] } }));
  const stored = await until(
    async () =>
      (await repository.read(opened.database.read, { xid: 0n, seq: 0n }, 1, { channels: ['odd'] }))[0],
    { describe: 'the event' },
  );
  expect(stored.data).toEqual({ text: 'a\ufffdb\ufffdc', inside: [{ deep: '\ufffd' }] });
});

it('is gone with its transaction', async () => {
  await expect(
    opened.database.tx(async (tx) => {
      await events.record(tx, [event('rolled-back', 1)]);
      throw new Error('rolled back');
    }),
  ).rejects.toThrow('rolled back');
  await record(event('rolled-back', 2));
  await until(async () => (await numbers('rolled-back')).length > 0, { describe: 'the second event' });
  expect(await numbers('rolled-back')).toEqual([2]);
});

it('lets nothing commit behind a position that was read', async () => {
  const first = await openTransaction('interleaved', 1);
  const second = await openTransaction('interleaved', 2);
  await second.commit();
  // The second is committed, but the first has the smaller place: a reader that took the second would lose it.
  expect(await numbers('interleaved')).toEqual([]);
  expect(await repository.hasHeldBack(opened.database.read)).toBe(true);
  await first.commit();
  await until(async () => (await numbers('interleaved')).length === 2, { describe: 'both events' });
  expect(await numbers('interleaved')).toEqual([1, 2]);
});

it('shows each event exactly once to a reader that follows while many write', async () => {
  const seen: unknown[] = [];
  let position = await horizon();
  let writing = true;
  const follow = (async () => {
    for (;;) {
      const last = !writing && !(await repository.hasHeldBack(opened.database.read));
      const page = await repository.read(opened.database.read, position, 7, { channels: ['race'] });
      seen.push(...page.map(({ data }) => data['n']));
      if (page.length > 0) position = parseCursor(page.at(-1)!.cursor)!;
      else if (last) return;
    }
  })();
  await Promise.all(
    Array.from({ length: 4 }, async (_, writer) => {
      for (let i = 0; i < 50; i++) {
        await opened.database.tx(async (tx) => {
          await events.record(tx, [event('race', writer * 1_000 + i * 2)]);
          await new Promise((resolve) => setImmediate(resolve));
          await events.record(tx, [event('race', writer * 1_000 + i * 2 + 1)]);
        });
      }
    }),
  );
  writing = false;
  await follow;
  expect(seen).toHaveLength(400);
  expect(new Set(seen).size).toBe(400);
});

it('says whether a position can be resumed from', async () => {
  await record(event('reach', 1));
  const { read } = opened.database;
  const now = await horizon();
  expect(await repository.reach(read, now)).toBe('kept');
  expect(await repository.reach(read, { xid: 0n, seq: 0n })).toBe('dropped');
  expect(await repository.reach(read, { xid: now.xid + 1_000_000n, seq: 0n })).toBe('ahead');
  expect(await repository.reach(read, { xid: 2n ** 64n - 1n, seq: 2n ** 63n - 1n })).toBe('ahead');
});

it('tails without a single message of the hub, for each subscriber what concerns it', async () => {
  const tail = new EventTail(opened.database, repository, new SilentHub(), quietLog());
  const [alice, bob] = [newId(), newId()];
  const subject = newId();
  await record(event('tail', 0, { userId: alice }));
  const heard: Record<string, unknown[]> = { all: [], alice: [], subject: [], other: [], ended: [] };
  const listen = (name: string) => (one: { data: Readonly<Record<string, unknown>> }) => {
    heard[name]!.push(one.data['n']);
  };
  const after = await until(
    async () => ((await repository.hasHeldBack(opened.database.read)) ? null : horizon()),
    { describe: 'the first event to be settled' },
  );
  expect(after.xid).toBeGreaterThan(0n);
  const ends = [
    await tail.subscribe({ channels: ['tail'] }, listen('all')),
    await tail.subscribe({ channels: ['tail'], userId: alice }, listen('alice')),
    await tail.subscribe({ subjectId: subject }, listen('subject')),
    await tail.subscribe({ channels: ['elsewhere'], userId: alice }, listen('other')),
    await tail.subscribe({ channels: ['tail'] }, () => {
      throw new Error('broken listener');
    }),
  ];
  (await tail.subscribe({ channels: ['tail'] }, listen('ended')))();
  const open = await openTransaction('tail', 1);
  await record(event('tail', 2, { userId: alice }), event('tail', 3, { userId: bob, subjectId: subject }));
  await open.commit();
  await until(
    () => {
      tail.wake();
      return heard['all']!.length === 3;
    },
    { describe: () => `three events, there are ${JSON.stringify(heard)}` },
  );
  expect(heard).toEqual({ all: [1, 2, 3], alice: [2], subject: [3], other: [], ended: [] });
  for (const end of ends) end();
  await record(event('tail', 4, { userId: alice }));
  tail.wake();
  await tail.beforeApplicationShutdown();
  expect(heard['all']).toEqual([1, 2, 3]);
});
