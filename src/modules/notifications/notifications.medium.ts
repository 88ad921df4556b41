import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/harness/database.js';
import { TestEventSource } from '../../../test/harness/event-source.js';
import { startTestApplication, type TestApplication } from '../../../test/harness/test-application.js';
import { until } from '../../../test/harness/until.js';
import { Database, execute, newId, query } from '../../kernel/database/index.js';
import { Events, type StoredEvent } from '../../kernel/realtime/index.js';
import { NotificationsModule } from './index.js';
import { NotificationsConsumer } from './notifications.consumer.js';
import type { NotificationView } from './notifications.schema.js';

let testDatabase: TestDatabase;
let server: TestApplication;
let alice = '';

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  server = await startTestApplication(testDatabase.url, [NotificationsModule]);
});
beforeEach(async () => {
  alice = await newUser();
});
afterAll(async () => {
  await server.app.close();
  await testDatabase.drop();
});

async function newUser(): Promise<string> {
  const id = newId();
  await server.app
    .get(Database)
    .system('a test')
    .tx((tx) =>
      execute(tx, `insert into users (id, email, email_key) values ($1, $2, $2)`, [id, `${id}@example.test`]),
    );
  return id;
}

interface Ending {
  status: 'completed' | 'failed' | 'cancelled';
  scheduleId?: string;
  error?: string;
  userId?: string;
  type?: string;
}

/** Records that jobs ended, as the jobs module does. */
const end = (...endings: Ending[]) =>
  server.app
    .get(Database)
    .system('a test')
    .tx((tx) =>
      server.app.get(Events).record(
        tx,
        endings.map(({ status, scheduleId = null, error = null, userId = alice, type = 'copy' }) => ({
          type: `job.${status}`,
          channel: 'jobs',
          userId,
          subjectId: newId(),
          data: { type, status, scheduleId, error },
        })),
      ),
    );

async function call(method: string, path: string, body?: object, user = alice) {
  const response = await fetch(`${server.url}/api/notifications${path}`, {
    method,
    headers: { 'x-test-user': user, ...(body ? { 'content-type': 'application/json' } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}

async function list(search = '', user = alice): Promise<NotificationView[]> {
  return (await call('GET', search, undefined, user)).body['items'] as NotificationView[];
}

async function listed(count: number, user = alice): Promise<NotificationView[]> {
  return until(
    async () => {
      const items = await list('?limit=100', user);
      return items.length >= count && items;
    },
    { describe: `${count} notifications` },
  );
}

const unread = async () => (await call('GET', '/unread-count')).body['count'];

describe('what concerns the installation', () => {
  it('is told to every active admin, once, and to nobody else', async () => {
    const admins = [await newUser(), await newUser()];
    const former = await newUser();
    const scope = server.app.get(Database).system('a test');
    await scope.tx((tx) =>
      execute(tx, `update users set role = 'admin', is_active = id <> $2 where id = any($1::uuid[])`, [
        [...admins, former],
        former,
      ]),
    );
    const event = (type: string, data: object) => ({
      type,
      channel: 'schedules',
      userId: null,
      subjectId: newId(),
      data,
    });
    await scope.tx((tx) =>
      server.app
        .get(Events)
        .record(tx, [
          event('scheduler.stalled', { reason: 'no scheduler has looked for 2 min' }),
          event('scheduler.recovered', { seconds: 130 }),
        ]),
    );
    for (const admin of admins) {
      const items = await listed(2, admin);
      expect(items.find(({ type }) => type === 'scheduler.stalled')).toMatchObject({
        title: 'Schedules are late',
        message: 'Schedules do not run when they should: no scheduler has looked for 2 min.',
        priority: 'high',
      });
      expect(items.find(({ type }) => type === 'scheduler.recovered')).toMatchObject({
        priority: 'normal',
        message: expect.stringMatching(/^It took 3 min\./),
      });
    }
    await end({ status: 'completed' });
    expect((await listed(1)).map(({ type }) => type)).toEqual(['job.completed']);
    expect(await list('', former)).toEqual([]);
  });
});

describe('the end of a job', () => {
  it('is told to its owner, once, and shown live', async () => {
    const source = await TestEventSource.open(`${server.url}/api/events?channels=notifications`, {
      'x-test-user': alice,
    });
    await end({ status: 'completed' }, { status: 'failed', error: 'disk full' }, { status: 'cancelled' });
    const items = await listed(3);
    expect(Object.fromEntries(items.map(({ type, priority }) => [type, priority]))).toEqual({
      'job.cancelled': 'low',
      'job.completed': 'normal',
      'job.failed': 'high',
    });
    const failed = items.find(({ type }) => type === 'job.failed')!;
    expect(failed).toMatchObject({
      title: 'copy failed',
      message: 'The job copy failed: disk full',
      isRead: false,
      isArchived: false,
      data: { jobType: 'copy' },
    });
    const days = (Date.parse(failed.expiresAt!) - Date.parse(failed.createdAt)) / 86_400_000;
    expect(days).toBeCloseTo(30, 0);
    const events = await source.received(3);
    expect(events.every(({ event }) => event === 'notification.created')).toBe(true);
    expect(new Set(events.map(({ data }) => data['subjectId']))).toEqual(new Set(items.map(({ id }) => id)));
    source.close();
  });

  it('is not told again when the event is delivered again', async () => {
    await end({ status: 'failed', error: 'once' });
    await listed(1);
    const [row] = await query<{ id: string; data: Record<string, unknown>; subject_id: string }>(
      server.app.get(Database).system('a test').read,
      `select id, data, subject_id from events where user_id = $1 and type = 'job.failed'`,
      [alice],
    );
    const again: StoredEvent = {
      cursor: '1-1',
      id: row!.id,
      type: 'job.failed',
      channel: 'jobs',
      userId: alice,
      subjectId: row!.subject_id,
      data: row!.data,
      createdAt: '2026-11-20T09:00:00.000Z',
    };
    await server.app
      .get(Database)
      .system('a test')
      .tx((tx) => server.app.get(NotificationsConsumer).handle(tx, [again, again]));
    expect(await list()).toHaveLength(1);
  });

  it('does not pile up the successes of a schedule, but tells each failure', async () => {
    const scheduleId = newId();
    await end(...Array.from({ length: 5 }, () => ({ status: 'completed' as const, scheduleId })));
    await end({ status: 'failed', scheduleId }, { status: 'failed', scheduleId });
    await end({ status: 'completed', scheduleId: newId() }, { status: 'completed' });
    const items = await until(
      async () => {
        const found = await listed(5);
        return found.length === 5 && found;
      },
      { describe: 'five notifications' },
    );
    const repeated = items.find(
      ({ type, data }) => type === 'job.completed' && data['scheduleId'] === scheduleId,
    )!;
    expect(repeated).toMatchObject({ priority: 'low', data: { count: 5 } });
    expect(items.filter(({ type }) => type === 'job.failed')).toHaveLength(2);
    // Once read, the next success is news again.
    await call('PATCH', `/${repeated.id}`, { isRead: true });
    await end({ status: 'completed', scheduleId });
    expect(await listed(6)).toHaveLength(6);
  });

  it('goes on behind an event of an unknown form', { timeout: 60_000 }, async () => {
    await server.app
      .get(Database)
      .system('a test')
      .tx((tx) =>
        server.app
          .get(Events)
          .record(tx, [
            { type: 'job.failed', channel: 'jobs', userId: alice, subjectId: null, data: { odd: true } },
          ]),
      );
    await end({ status: 'completed' });
    expect(await listed(1)).toHaveLength(1);
  });
});

describe('/api/notifications', () => {
  it('lists in pages, newest first, with filters', async () => {
    await end(...Array.from({ length: 5 }, () => ({ status: 'completed' as const })), { status: 'failed' });
    const items = await listed(6);
    const ids = items.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted().toReversed());
    const first = await call('GET', '?limit=4');
    const second = await call('GET', `?limit=4&cursor=${String(first.body['nextCursor'])}`);
    expect(
      [first, second].flatMap(({ body }) => (body['items'] as NotificationView[]).map(({ id }) => id)),
    ).toEqual(ids);
    expect(second.body['nextCursor']).toBeNull();
    await call('PATCH', `/${ids[0]}`, { isRead: true });
    await call('PATCH', `/${ids[1]}`, { isArchived: true });
    expect((await list('?isRead=true')).map(({ id }) => id)).toEqual([ids[0]]);
    expect((await list('?isRead=false')).length).toBe(5);
    expect((await list('?isArchived=true')).map(({ id }) => id)).toEqual([ids[1]]);
    expect((await list('?priority=high')).map(({ type }) => type)).toEqual(['job.failed']);
    expect(await list('?type=job.completed')).toHaveLength(5);
    expect(await unread()).toBe(4);
    for (const wrong of ['?isRead=1', '?priority=5', '?limit=0', '?cursor=x', '?offset=1'])
      expect((await call('GET', wrong)).status).toBe(400);
  });

  it('marks as read and unread, archives and deletes', async () => {
    await end({ status: 'completed' });
    const [item] = await listed(1);
    const read = await call('PATCH', `/${item!.id}`, { isRead: true, isArchived: true });
    expect(read).toMatchObject({ status: 200, body: { isRead: true, isArchived: true } });
    const again = await call('PATCH', `/${item!.id}`, { isRead: true });
    expect(again.body['readAt']).toBe(read.body['readAt']);
    expect((await call('PATCH', `/${item!.id}`, { isRead: false })).body).toMatchObject({
      isRead: false,
      readAt: null,
      isArchived: true,
    });
    for (const wrong of [{}, { isRead: 'yes' }, { title: 'x' }])
      expect((await call('PATCH', `/${item!.id}`, wrong)).status).toBe(400);
    expect((await call('DELETE', `/${item!.id}`)).status).toBe(204);
    expect((await call('DELETE', `/${item!.id}`)).status).toBe(404);
    expect((await call('PATCH', `/${item!.id}`, { isRead: true })).status).toBe(404);
  });

  it('marks many by id or up to a watermark', async () => {
    await end(...Array.from({ length: 6 }, () => ({ status: 'completed' as const })));
    const ids = (await listed(6)).map(({ id }) => id);
    expect((await call('POST', '/mark-read', { ids: [ids[0], ids[5], newId()] })).body).toEqual({
      marked: 2,
    });
    expect((await call('POST', '/mark-read', { upTo: ids[3] })).body).toEqual({ marked: 2 });
    expect((await list('?isRead=false')).map(({ id }) => id)).toEqual([ids[1], ids[2]]);
    for (const wrong of [{}, { ids: [] }, { ids: ['x'] }, { ids: [ids[0]], upTo: ids[1] }])
      expect((await call('POST', '/mark-read', wrong)).status).toBe(400);
  });

  it('never shows what belongs to others, also not to admins', async () => {
    await end({ status: 'completed' });
    const [item] = await listed(1);
    for (const other of [await newUser(), `${await newUser()} admin`]) {
      expect(await list('', other)).toEqual([]);
      expect((await call('PATCH', `/${item!.id}`, { isRead: true }, other)).status).toBe(404);
      expect((await call('DELETE', `/${item!.id}`, undefined, other)).status).toBe(404);
      expect((await call('POST', '/mark-read', { ids: [item!.id] }, other)).body).toEqual({ marked: 0 });
    }
    expect(await unread()).toBe(1);
  });

  it('shows nothing that has expired', async () => {
    await end({ status: 'completed' }, { status: 'failed' });
    const [first] = await listed(2);
    await server.app
      .get(Database)
      .system('a test')
      .tx((tx) =>
        execute(tx, `update notifications set expires_at = now() - interval '1 second' where id = $1`, [
          first!.id,
        ]),
      );
    expect(await list()).toHaveLength(1);
    expect(await unread()).toBe(1);
    expect((await call('PATCH', `/${first!.id}`, { isRead: true })).status).toBe(404);
  });
});

describe('a schedule that has paused itself', () => {
  it('is told its owner, once, as important', async () => {
    const subjectId = newId();
    const note = 'It has failed 3 times in a row.';
    const events = server.app.get(Events);
    await server.app
      .get(Database)
      .system('a test')
      .tx((tx) =>
        events.record(tx, [
          {
            type: 'schedule.paused',
            channel: 'schedules',
            userId: alice,
            subjectId,
            data: { name: 'Nightly', reason: 'failures', note },
          },
        ]),
      );
    const [notice] = await listed(1);
    expect(notice).toMatchObject({
      type: 'schedule.paused',
      title: 'The schedule Nightly has paused itself',
      message: `${note} Nothing of it runs until it is resumed.`,
      data: { scheduleId: subjectId, reason: 'failures' },
      priority: 'high',
    });
  });
});
