import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import { v7 } from 'uuid';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/harness/database.js';
import {
  idIn,
  makeMonth,
  monthAgo,
  partitionExists,
  plantEvent,
  plantJobs,
  plantLine,
} from '../../../../test/harness/old-months.js';
import { startTestApplication } from '../../../../test/harness/test-application.js';
import { Database } from '../../../kernel/database/index.js';
import { EventDelivery } from '../../../kernel/realtime/index.js';
import { RetentionTasks, type RetentionReport } from '../../../kernel/retention/index.js';
import { FileStore } from '../../../kernel/storage/index.js';
import { AuditModule } from '../../audit/index.js';
import { UsersModule } from '../../users/index.js';
import { JobsModule } from '../index.js';
import { toJobView } from '../job.view.js';
import { JobsRepository } from '../jobs.repository.js';
import { ArchiveFiles, type ArchiveLine } from './archive-files.js';
import { Archiver } from './archiver.js';
import { ArchivesRepository, type Archive } from './archives.repository.js';
import { ArchivesService } from './archives.service.js';
import { OldJobsRepository } from './old-jobs.repository.js';

let folder: string;
let database: TestDatabase;
let client: Client;
let app: NestFastifyApplication;
/** Old as a whole: its jobs ended more than 60 days ago. */
let month: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'steward-retention-'));
});
beforeEach(async () => {
  database = await createTestDatabase();
  client = new Client({ connectionString: database.url });
  await client.connect();
  ({ app } = await startTestApplication(database.url, [AuditModule, UsersModule, JobsModule], {
    STEWARD_DATA_DIR: folder,
    STEWARD_ROLE: 'api',
    STEWARD_JOB_DAYS: '60',
    STEWARD_JOB_LOG_DAYS: '30',
    STEWARD_EVENT_DAYS: '30',
    STEWARD_ARCHIVE_JOB_LOGS: 'true',
  }));
  month = await monthAgo(client, 4);
  await makeMonth(client, month);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.close();
  await client.end();
  await database.drop();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const get = <T>(token: abstract new (...dependencies: never[]) => T): T => app.get(token, { strict: false });

async function run(name: string, dryRun = false): Promise<RetentionReport> {
  const task = get(RetentionTasks)
    .all()
    .find((one) => one.name === name);
  return task!.run({ dryRun, signal: new AbortController().signal });
}

async function lines(archive: Archive): Promise<ArchiveLine[]> {
  const found: ArchiveLine[] = [];
  for await (const line of get(ArchivesService).lines(archive)) found.push(line);
  return found;
}

async function archived(kind = 'jobs'): Promise<ArchiveLine[]> {
  const all = (await get(ArchivesService).list()).filter((one) => one.kind === kind);
  return (await Promise.all(all.map(lines))).flat();
}

async function idsIn(table: string): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(`select id from ${table} order by id`);
  return rows.map(({ id }) => id);
}

async function makeUser(): Promise<string> {
  const id = v7();
  await client.query(`insert into users (id, email, email_key) values ($1, $2, $2)`, [id, `${id}@rows.test`]);
  return id;
}

const daysAgo = (days: number, ms = 0): number => Date.now() - days * 86_400_000 + ms;

describe('old jobs', () => {
  it('are archived exactly as they were shown, and then dropped with their month', async () => {
    const user = await makeUser();
    const text = {
      text: 'سلام 안녕 สวัสดี привет 👩‍👩‍👧‍👦 "\\ \u2028 \u0001',
      nested: [{ deep: [null, 1.5, 1e21] }],
      ключ: 'x'.repeat(100_000),
    };
    const ids = [idIn(month, 1), idIn(month, 15), idIn(month, 28)];
    await plantJobs(client, [
      { id: ids[0]!, userId: user, payload: text },
      { id: ids[1]!, status: 'failed', payload: [] },
      { id: ids[2]!, status: 'cancelled', userId: user },
    ]);
    const { read } = get(Database).system('test');
    const shown = (await get(JobsRepository).findMany(read, ids)).map(toJobView);

    expect(await run('jobs')).toEqual({ removed: 3, dropped: [`jobs ${month}`], archived: 3, postponed: [] });
    expect(await partitionExists(client, 'jobs', month)).toBe(false);
    const [archive, ...others] = await get(ArchivesService).list();
    expect([archive, others]).toMatchObject([{ kind: 'jobs', period: month, part: 1, rows: 3 }, []]);
    expect(archive?.removedAt).not.toBeNull();
    const found = await lines(archive!);
    const byId = (a: { id?: unknown }, b: { id?: unknown }) => (String(a.id) < String(b.id) ? -1 : 1);
    expect(found.map((line) => JSON.stringify({ ...line, logs: undefined }))).toEqual(
      shown.toSorted(byId).map((view) => JSON.stringify(view)),
    );
    expect(await run('jobs')).toEqual({ removed: 0, dropped: [], archived: 0, postponed: [] });
  });

  it('stay while they are younger than the limit, and so does what is open', async () => {
    const young = [v7({ msecs: daysAgo(0) }), v7({ msecs: daysAgo(3) })];
    await plantJobs(
      client,
      young.map((id) => ({ id })),
    );
    const open = idIn(month, 2);
    const recent = idIn(month, 3);
    const old = [idIn(month, 4), idIn(month, 5)];
    await plantJobs(client, [
      { id: open, status: 'pending' },
      { id: recent, endedAt: new Date(daysAgo(59)) },
      ...old.map((id) => ({ id })),
    ]);
    expect(await run('jobs')).toEqual({ removed: 2, dropped: [], archived: 2, postponed: [] });
    expect(await idsIn('jobs')).toEqual([open, recent, ...young].toSorted());
    expect((await archived()).map(({ id }) => id)).toEqual(old);

    // Once the last of them has ended long ago, the rest of the month goes, as its second part.
    await client.query(
      `update jobs set status = 'completed', run_at = null, turn = null, completed_at = $2, started_at = created_at where id = $1`,
      [open, new Date(daysAgo(61))],
    );
    await client.query(`update jobs set completed_at = $2 where id = $1`, [recent, new Date(daysAgo(61))]);
    expect(await run('jobs')).toMatchObject({ removed: 2, dropped: [`jobs ${month}`], archived: 2 });
    expect((await get(ArchivesService).list()).map(({ part }) => part)).toEqual([1, 2]);
    expect((await archived()).map(({ id }) => String(id)).toSorted()).toEqual(
      [open, recent, ...old].toSorted(),
    );
  });

  it('take the lines that they still have along', async () => {
    const job = idIn(month);
    await plantJobs(client, [{ id: job }]);
    await plantLine(client, idIn(month, 11), job, 'an old line');
    await plantLine(client, v7(), job, 'a line with an id of this month');
    expect(await run('jobs')).toMatchObject({ removed: 1, archived: 1 });
    expect(await idsIn('job_logs')).toEqual([]);
    const [line] = await archived();
    expect((line!['logs'] as { message: string }[]).map(({ message }) => message)).toEqual([
      'an old line',
      'a line with an id of this month',
    ]);
  });

  it('that have an id of no month are archived and removed one by one', async () => {
    const old = '00000000-1111-4111-8111-111111111111';
    const young = 'fffffff0-1111-4111-8111-111111111111';
    for (const id of [old, young])
      await client.query(
        `insert into jobs (id, type, queue, status, payload, created_at, completed_at) values ($1, 'copy', 'files', 'completed', '{}', $2, $2)`,
        [id, new Date(daysAgo(id === old ? 100 : 1))],
      );
    expect(await run('jobs')).toMatchObject({ removed: 1, archived: 1 });
    expect(await idsIn('jobs')).toEqual([young]);
    expect((await get(ArchivesService).list()).map(({ period }) => period)).toEqual(['other']);
  });

  it('are only counted in a dry run', async () => {
    await plantJobs(client, [
      { id: idIn(month) },
      { id: idIn(month) },
      { id: idIn(month), status: 'pending' },
    ]);
    expect(await run('jobs', true)).toEqual({ removed: 2, dropped: [], archived: 0, postponed: [] });
    expect([(await idsIn('jobs')).length, await get(ArchivesService).list()]).toEqual([3, []]);
  });

  it('are left for another day while somebody reads the table for long', async () => {
    await plantJobs(client, [{ id: idIn(month) }]);
    await client.query('begin');
    await client.query('select count(*) from jobs');
    const report = await run('jobs');
    expect(report).toEqual({
      removed: 0,
      dropped: [],
      archived: 1,
      postponed: [`jobs of ${month}: the table is in use`],
    });
    await client.query('rollback');
    expect(await run('jobs')).toEqual({ removed: 1, dropped: [`jobs ${month}`], archived: 0, postponed: [] });
    expect(await archived()).toHaveLength(1);
  });
});

/** Each of the steps in turn fails as if the process had died there. */
const CRASHES: readonly [string, () => void][] = [
  ['while the file is written', () => failOnce(get(FileStore), 'put')],
  ['before the file is read back', () => failOnce(get(FileStore), 'get')],
  ['before the archive is listed', () => failOnce(get(ArchivesRepository), 'add')],
  ['before anything is removed', () => failOnce(get(OldJobsRepository), 'look')],
  ['before the lines are removed', () => failOnce(get(OldJobsRepository), 'removeLinesOfJobs')],
  ['before rows are removed', () => failOnce(get(OldJobsRepository), 'removeJobs')],
  ['before the archive is closed', () => failOnce(get(ArchivesRepository), 'markRemoved')],
];

function failOnce<T extends object>(target: T, method: keyof T & string): void {
  vi.spyOn(target as Record<string, () => Promise<never>>, method).mockImplementationOnce(() =>
    Promise.reject(new Error('died here')),
  );
}

describe.each(CRASHES)('a crash %s', (where, arrange) => {
  it.each([
    ['a month that can be dropped', false],
    ['a month that has to stay', true],
  ])('loses nothing and doubles nothing of %s', async (_, stays) => {
    const ids = Array.from({ length: 5 }, (__, index) => idIn(month, index + 1));
    const open = idIn(month, 20);
    await plantJobs(client, [
      ...ids.map((id) => ({ id })),
      ...(stays ? [{ id: open, status: 'pending' as const }] : []),
    ]);
    arrange();
    const attempt = await run('jobs').catch((error: unknown) => error);
    // What is no longer in the table is in an archive that is listed and whole.
    const left = new Set(await idsIn('jobs'));
    const kept = new Set((await archived()).map(({ id }) => id));
    expect(ids.filter((id) => !left.has(id) && !kept.has(id))).toEqual([]);
    for (let tries = 0; tries < 3; tries++) await run('jobs');
    expect((await archived()).map(({ id }) => String(id)).toSorted()).toEqual(ids);
    expect(await idsIn('jobs')).toEqual(stays ? [open] : []);
    expect(attempt instanceof Error || where.includes('rows') || where.includes('lines')).toBe(true);
  });
});

it('two at the same time archive each job once', async () => {
  const ids = Array.from({ length: 300 }, (_, index) => idIn(month, 1 + (index % 27), index));
  await plantJobs(
    client,
    ids.map((id) => ({ id })),
  );
  await Promise.allSettled(Array.from({ length: 4 }, () => run('jobs')));
  await run('jobs');
  expect((await archived()).map(({ id }) => String(id)).toSorted()).toEqual(ids.toSorted());
  expect(await idsIn('jobs')).toEqual([]);
});

it('a job that is retried after it was archived is not removed', async () => {
  const [retried, other] = [idIn(month, 1), idIn(month, 2)];
  await plantJobs(client, [{ id: retried, status: 'failed' }, { id: other }]);
  failOnce(get(OldJobsRepository), 'look');
  await expect(run('jobs')).rejects.toThrow('died here');
  await get(Database)
    .system('test')
    .tx((tx) => get(JobsRepository).retryEnded(tx, retried));
  expect(await run('jobs')).toMatchObject({ removed: 1, archived: 0 });
  expect(await idsIn('jobs')).toEqual([retried]);
});

it('a file that was not written as it should be is noticed, and nothing is removed', async () => {
  const ids = [idIn(month, 1), idIn(month, 2)];
  await plantJobs(
    client,
    ids.map((id) => ({ id })),
  );
  const store = get(FileStore);
  const put = store.put.bind(store);
  vi.spyOn(store, 'put').mockImplementationOnce(async (key, source) => {
    const written = await put(key, source);
    await put(key, cut(await store.get(key), 10));
    return written;
  });
  await expect(run('jobs')).rejects.toThrow(/unexpected end of file/);
  expect([await idsIn('jobs'), await get(ArchivesService).list()]).toEqual([ids, []]);
});

async function* cut(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) yield chunk.subarray(0, chunk.length - bytes);
}

it('files that no archive names go when they are a day old, and no others', async () => {
  await plantJobs(client, [{ id: idIn(month) }]);
  failOnce(get(ArchivesRepository), 'add');
  await expect(run('jobs')).rejects.toThrow('died here');
  await run('jobs');
  const archiver = get(Archiver);
  const { signal } = new AbortController();
  expect(await archiver.sweep(signal)).toBe(0);
  vi.spyOn(get(ArchivesRepository), 'yesterday').mockResolvedValue(new Date(daysAgo(-1)));
  expect(await archiver.sweep(signal)).toBe(1);
  expect(await archived()).toHaveLength(1);
  const { prefix } = get(ArchiveFiles);
  const keys: string[] = [];
  for await (const { key } of get(FileStore).list(prefix)) keys.push(key);
  expect(keys).toEqual((await get(ArchivesService).list()).map(({ key }) => key));
});

describe('old lines', () => {
  it('go after 30 days, to the day, and are archived before', async () => {
    const job = v7({ msecs: daysAgo(50) });
    const edge = await monthAgo(client, 1);
    for (const name of [edge, await monthAgo(client, 2)]) await makeMonth(client, name);
    await plantJobs(client, [{ id: job, status: 'pending' }]);
    const old = [v7({ msecs: daysAgo(45) }), v7({ msecs: daysAgo(30, -60_000) })];
    const young = [v7({ msecs: daysAgo(30, 60_000) }), v7({ msecs: daysAgo(1) })];
    for (const id of [...old, ...young]) await plantLine(client, id, job, `line ${id}`);
    expect(await run('job-logs', true)).toMatchObject({ removed: 2 });
    expect(await run('job-logs')).toMatchObject({ removed: 2, archived: 2 });
    expect(await idsIn('job_logs')).toEqual(young);
    expect((await archived('job-logs')).map(({ id, jobId }) => [id, jobId])).toEqual(
      old.map((id) => [id, job]),
    );
    expect(await run('job-logs')).toMatchObject({ removed: 0, archived: 0, dropped: [] });
  });

  it('go with their month when all of it is old, whatever their jobs do', async () => {
    const job = idIn(month, 1);
    await plantJobs(client, [{ id: job, status: 'pending' }]);
    for (let day = 2; day < 8; day++) await plantLine(client, idIn(month, day), job);
    expect(await run('job-logs')).toEqual({
      removed: 6,
      dropped: [`job_logs ${month}`],
      archived: 6,
      postponed: [],
    });
    expect([await partitionExists(client, 'job_logs', month), await idsIn('jobs')]).toEqual([false, [job]]);
  });

  it.each(['add', 'markRemoved'] as const)('are archived once, also after a crash at %s', async (method) => {
    const job = idIn(month, 1);
    await plantJobs(client, [{ id: job, status: 'pending' }]);
    const ids = [idIn(month, 2), idIn(month, 3)];
    for (const id of ids) await plantLine(client, id, job);
    failOnce(get(ArchivesRepository), method);
    await expect(run('job-logs')).rejects.toThrow('died here');
    await run('job-logs');
    await run('job-logs');
    expect((await archived('job-logs')).map(({ id }) => id)).toEqual(ids);
    expect(await idsIn('job_logs')).toEqual([]);
  });
});

describe('old events', () => {
  it('go after 30 days, with their month when all of it is old', async () => {
    const edge = await monthAgo(client, 1);
    for (const name of [edge, await monthAgo(client, 2)]) await makeMonth(client, name);
    const old = [idIn(month, 3), v7({ msecs: daysAgo(40) }), v7({ msecs: daysAgo(30, -60_000) })];
    const young = [v7({ msecs: daysAgo(30, 60_000) }), v7({ msecs: daysAgo(1) })];
    for (const id of [...old, ...young]) await plantEvent(client, id);
    expect(await run('events', true)).toMatchObject({ removed: 3 });
    expect(await run('events')).toMatchObject({ removed: 3, postponed: [] });
    expect(await idsIn('events')).toEqual(young);
    expect(await partitionExists(client, 'events', month)).toBe(false);
  });

  it('stay, however old, until every consumer of this build has handled them', async () => {
    const ids = [idIn(month, 3), idIn(month, 4)];
    for (const id of ids) await plantEvent(client, id);
    vi.spyOn(get(EventDelivery), 'consumerNames').mockReturnValue(['quick', 'slow']);
    await client.query(
      `insert into event_cursors (subscriber, xid, seq) select name, xid, seq from events, unnest(array['quick', 'slow', 'of another build']) name
        where id = $1`,
      [ids[0]],
    );
    await client.query(
      `update event_cursors set seq = (select max(seq) from events), xid = pg_current_xact_id() where subscriber = 'quick'`,
    );
    expect(await run('events')).toMatchObject({ removed: 1, dropped: [] });
    expect(await idsIn('events')).toEqual([ids[1]]);
    await client.query(`update event_cursors set xid = pg_current_xact_id() where subscriber = 'slow'`);
    expect(await run('events')).toMatchObject({ removed: 1, dropped: [`events ${month}`] });
  });
});
