import { Agent, get } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/database.js';
import { TestEventSource } from '../../../test/harness/event-source.js';
import { startTestApplication, type TestApplication } from '../../../test/harness/test-application.js';
import { until } from '../../../test/harness/until.js';
import { Database, execute, newId } from '../database/index.js';
import { Events, Hub, LIVE_TOPIC, SseRegistry, type NewEvent } from './index.js';

let testDatabase: TestDatabase;
let server: TestApplication;
const sources: TestEventSource[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  server = await startTestApplication(testDatabase.url, [], { STEWARD_ROLE: 'api' });
});
afterEach(() => {
  for (const source of sources.splice(0)) source.close();
});
afterAll(async () => {
  await server.app.close();
  await testDatabase.drop();
});

const alice = newId();

async function open(
  query = '',
  headers: Record<string, string> = {},
  user = alice,
): Promise<TestEventSource> {
  const source = await TestEventSource.open(`${server.url}/api/events${query}`, {
    'x-test-user': user,
    ...headers,
  });
  sources.push(source);
  return source;
}

const record = (...list: Partial<NewEvent>[]) =>
  server.app
    .get(Database)
    .system('a test')
    .tx((tx) =>
      server.app.get(Events).record(
        tx,
        list.map((one) => ({
          type: 'job.completed',
          channel: 'jobs',
          userId: alice,
          subjectId: null,
          data: {},
          ...one,
        })),
      ),
    );

const numbers = (source: TestEventSource) => source.events.map(({ data }) => data['n']);
const status = (query: string, user?: string) =>
  fetch(`${server.url}/api/events${query}`, { headers: user === undefined ? {} : { 'x-test-user': user } });

describe('GET /api/events', () => {
  it('streams the caller’s events of the chosen channels with their ids', async () => {
    const source = await open('?channels=jobs,notifications');
    const subjectId = newId();
    await record(
      { data: { n: 1, type: 'copy' }, subjectId },
      { data: { n: 2 }, userId: newId() },
      { data: { n: 3 }, channel: 'remotes' },
      { data: { n: 4 }, userId: null },
      { data: { n: 5 }, channel: 'notifications', type: 'notification.created' },
    );
    const [first, second] = await source.received(2);
    expect(first).toMatchObject({
      event: 'job.completed',
      data: { n: 1, type: 'copy', channel: 'jobs', subjectId },
    });
    expect(first!.id).toMatch(/^\d+-\d+$/);
    expect(first!.data['id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(first!.data['createdAt']).toMatch(/Z$/);
    expect(second).toMatchObject({ event: 'notification.created', data: { n: 5 } });
    expect(numbers(source)).toEqual([1, 5]);
    expect(source.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
    });
    expect(source.headers['x-request-id']).toBeTruthy();
    expect(source.retry).toBe(2_000);
  });

  it('shows everything to an admin who asks for it, and to nobody else', async () => {
    const source = await open('?all=true&channels=all-of-them', {}, `${newId()} admin`);
    await record(
      { data: { n: 1 }, channel: 'all-of-them' },
      { data: { n: 2 }, channel: 'all-of-them', userId: null },
    );
    await source.received(2);
    expect(numbers(source)).toEqual([1, 2]);
    expect((await status('?all=true', alice)).status).toBe(403);
    expect((await status('')).status).toBe(401);
    for (const wrong of [
      '?channels=',
      '?channels=a,,b',
      '?channels=Jobs',
      '?channels=a%0Ab',
      '?all=yes',
      '?x=1',
    ])
      expect((await status(wrong, alice)).status).toBe(400);
  });

  it('goes on behind the last event id, from the header or the query, without loss or repetition', async () => {
    const first = await open('?channels=resume');
    await record(...[1, 2, 3].map((n) => ({ channel: 'resume', data: { n } })));
    await first.received(3);
    const id = first.events[0]!.id!;
    first.close();
    await record(...Array.from({ length: 450 }, (_, i) => ({ channel: 'resume', data: { n: i + 4 } })));
    const expected = Array.from({ length: 453 }, (_, i) => i + 2);
    const [second, third] = await Promise.all([
      open('?channels=resume', { 'last-event-id': id }),
      open(`?channels=resume&lastEventId=${id}`),
    ]);
    await record({ channel: 'resume', data: { n: 454 } });
    for (const source of [second, third]) {
      await source.received(453);
      expect(numbers(source)).toEqual(expected);
    }
  });

  it('lets nothing fall between the past and the present while many write', async () => {
    const before = await open('?channels=busy');
    await until(() => before.lastEventId, { describe: 'the id to start from' });
    const from = before.lastEventId!;
    let n = 0;
    const write = async () => {
      while (n < 600)
        await record({ channel: 'busy', data: { n: n++ } }, { channel: 'busy', data: { n: n++ } });
    };
    const writers = Promise.all([write(), write()]);
    const resumed = await Promise.all(
      Array.from({ length: 5 }, async (_, i) => {
        await until(() => n > (i + 1) * 60, { describe: 'some events' });
        return open('?channels=busy', { 'last-event-id': from });
      }),
    );
    await writers;
    for (const source of [before, ...resumed]) {
      await source.received(n);
      expect(source.events).toHaveLength(n);
      expect(new Set(numbers(source)).size).toBe(n);
      expect(numbers(source)).toEqual(numbers(before));
    }
  });

  it('lets a client to whom nothing was told yet resume too', async () => {
    const first = await open('?channels=quiet');
    await until(() => first.lastEventId, { describe: 'an id' });
    first.close();
    await record({ channel: 'quiet', data: { n: 1 } });
    const second = await open('?channels=quiet', { 'last-event-id': first.lastEventId! });
    await second.received(1);
    expect(numbers(second)).toEqual([1]);
  });

  it('finds an event although no doorbell rang for it', async () => {
    const source = await open('?channels=unrung');
    await server.app
      .get(Database)
      .system('a test')
      .tx((tx) =>
        execute(tx, `insert into events (id, type, channel, user_id) values ($1, 'a.b', 'unrung', $2)`, [
          newId(),
          alice,
        ]),
      );
    expect((await source.received(1))[0]).toMatchObject({ event: 'a.b' });
  });

  it('says gap when the past is gone, then tells what is left', async () => {
    await record({ channel: 'gap', data: { n: 1 } });
    const old = await open('?channels=gap', { 'last-event-id': '1-1' });
    expect((await old.received(2)).map(({ event }) => event)).toEqual(['gap', 'job.completed']);
    for (const wrong of ['nonsense', '-1', `${2n ** 64n - 1n}-1`, `${2n ** 64n}-1`]) {
      const source = await open('?channels=gap', { 'last-event-id': wrong });
      expect((await source.received(1))[0]).toMatchObject({ event: 'gap', data: { lastEventId: wrong } });
      await until(() => source.lastEventId, { describe: 'a place to resume from' });
      expect(source.events).toHaveLength(1);
    }
  });

  it('shows progress of jobs to their owner while it passes, without an id', async () => {
    const [own, other, elsewhere] = [
      await open(),
      await open('', {}, newId()),
      await open('?channels=notifications'),
    ];
    await Promise.all(
      [own, other, elsewhere].map((one) => until(() => one.lastEventId, { describe: 'live' })),
    );
    const jobId = newId();
    const hub = server.app.get(Hub);
    await until(
      () => {
        hub.publish(LIVE_TOPIC, { nonsense: true });
        hub.publish(LIVE_TOPIC, {
          type: 'job.progress',
          channel: 'jobs',
          userId: alice,
          subjectId: jobId,
          data: { progress: 40, progressDetail: { bytes: 4 }, status: 'running' },
        });
        return own.events.length > 0;
      },
      { describe: 'progress' },
    );
    expect(own.events[0]).toEqual({
      event: 'job.progress',
      id: undefined,
      data: {
        progress: 40,
        progressDetail: { bytes: 4 },
        status: 'running',
        channel: 'jobs',
        subjectId: jobId,
      },
    });
    expect([...other.events, ...elsewhere.events]).toEqual([]);
  });

  it('cuts off a client that does not read, disturbs no other, and lets it resume', async () => {
    const data = { text: 'x'.repeat(60_000) };
    const [stalled, healthy] = [await open('?channels=flood'), await open('?channels=flood')];
    await until(() => stalled.lastEventId, { describe: 'the stream to be live' });
    stalled.pause();
    const registry = server.app.get(SseRegistry);
    let sent = 0;
    await until(
      async () => {
        await record(
          ...Array.from({ length: 20 }, () => ({ channel: 'flood', data: { ...data, n: sent++ } })),
        );
        // The one that reads is not to be flooded faster than it can.
        await healthy.received(sent);
        return registry.size === 1;
      },
      { describe: () => `the stalled client to be cut off after ${sent} events` },
    );
    expect(numbers(healthy)).toEqual(Array.from({ length: sent }, (_, n) => n));
    stalled.resume();
    await until(() => stalled.ended, { describe: 'the stream to end' });
    expect(stalled.events.at(-1)!.event).toBe('overflow');
    const resumed = await open('?channels=flood', { 'last-event-id': stalled.lastEventId! });
    await resumed.received(sent - (stalled.events.length - 1));
    expect([...numbers(stalled).slice(0, -1), ...numbers(resumed)]).toEqual(numbers(healthy));
  });

  it('forgets a client that has gone', async () => {
    const registry = server.app.get(SseRegistry);
    await until(() => registry.size === 0, { describe: 'earlier clients to be gone' });
    const source = await open();
    expect(registry.size).toBe(1);
    source.close();
    await until(() => registry.size === 0, { describe: 'the client to be forgotten' });
  });
});

it('sends heartbeats, ends its streams when a shutdown begins and answers 503 from then on', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const own = await startTestApplication(testDatabase.url, [], { STEWARD_ROLE: 'api' });
  const source = await TestEventSource.open(`${own.url}/api/events`, { 'x-test-user': alice });
  const before = source.comments;
  vi.advanceTimersByTime(15_000);
  vi.useRealTimers();
  await until(() => source.comments > before, { describe: 'a heartbeat' });
  own.app.get(SseRegistry).closeAll();
  const refused = await fetch(`${own.url}/api/events`, { headers: { 'x-test-user': alice } });
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  await until(() => source.ended, { describe: 'the stream to end' });
  expect(source.retry).toBeGreaterThanOrEqual(500);
  expect(source.retry).toBeLessThanOrEqual(5_000);
  await own.app.close();
});

it('does not hold up the end of the process with an open stream', async () => {
  const own = await startTestApplication(testDatabase.url, [], { STEWARD_ROLE: 'api' });
  const agent = new Agent({ keepAlive: false });
  const ended = new Promise<void>((resolve, reject) => {
    get(`${own.url}/api/events`, { agent, headers: { 'x-test-user': alice } }, (response) => {
      response.resume().on('end', resolve);
    }).on('error', reject);
  });
  await until(() => own.app.get(SseRegistry).size === 1, { describe: 'the stream' });
  const began = performance.now();
  await own.app.close();
  expect(performance.now() - began).toBeLessThan(5_000);
  await ended;
});
