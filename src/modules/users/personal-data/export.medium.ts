import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { until } from '../../../../test/harness/until.js';
import { unzip } from '../../../../test/harness/zip.js';
import { AccountHooks } from '../account-hooks.js';
import { personalArchive } from './personal-archive.js';

const NOW = new Date('2026-11-21T10:00:00.000Z');
const options = { userId: '01932f0e-0000-7000-8000-000000000001', now: NOW, stallMs: 60_000 };

async function* rowsOf(...rows: object[]): AsyncGenerator<object> {
  yield* rows;
}

interface Manifest {
  readonly format: string;
  readonly version: number;
  readonly userId: string;
  readonly exportedAt: string;
  readonly files: readonly { name: string; rows: number; bytes: number; sha256: string }[];
}

const manifestOf = (files: Map<string, Buffer>): Manifest =>
  JSON.parse(String(files.get('manifest.json'))) as Manifest;

describe('an archive', () => {
  it('has each kind of records as an array of JSON, and last of all a manifest that vouches for them', async () => {
    const rows = [{ a: 'سلام\n"\u2028', b: null }, { a: '🙂' }];
    const archive = personalArchive(
      [
        { name: 'some', rows: rowsOf(...rows) },
        { name: 'none', rows: rowsOf() },
      ],
      options,
    );
    const files = unzip(await buffer(archive));
    expect([...files.keys()]).toEqual(['some.json', 'none.json', 'manifest.json']);
    expect(JSON.parse(String(files.get('some.json')))).toEqual(rows);
    expect(JSON.parse(String(files.get('none.json')))).toEqual([]);
    const { files: facts, ...head } = manifestOf(files);
    expect(head).toEqual({
      format: 'steward-personal-data',
      version: 1,
      userId: options.userId,
      exportedAt: NOW.toISOString(),
    });
    for (const [index, name] of ['some.json', 'none.json'].entries()) {
      const content = files.get(name) ?? Buffer.alloc(0);
      const sha256 = createHash('sha256').update(content).digest('hex');
      expect(facts[index]).toEqual({ name, rows: index === 0 ? 2 : 0, bytes: content.length, sha256 });
    }
  });

  it('is the same for the same records', async () => {
    const make = () => buffer(personalArchive([{ name: 'some', rows: rowsOf({ a: 1 }) }], options));
    expect(await make()).toEqual(await make());
  });

  it('asks for rows only as fast as it is read, and stops asking when it is let go', async () => {
    let asked = 0;
    let ended = false;
    async function* endless(): AsyncGenerator<object> {
      try {
        // What does not pack well, so that the little that is kept fills up.
        for (;;) yield { row: ++asked, text: createHash('sha256').update(String(asked)).digest('base64') };
      } finally {
        ended = true;
      }
    }
    const archive = personalArchive([{ name: 'endless', rows: endless() }], options);
    archive.on('error', () => undefined);
    const chunks = archive[Symbol.asyncIterator]();
    await chunks.next();
    let before = -1;
    await until(
      async () => {
        const still = asked === before;
        before = asked;
        await new Promise((resolve) => setImmediate(resolve));
        return still;
      },
      { describe: 'the asking to stand still' },
    );
    expect(asked).toBeLessThan(20_000);
    archive.destroy();
    await until(() => ended, { describe: 'the rows to be let go' });
  });

  it('is cut off without a manifest when asking fails', async () => {
    async function* failing(): AsyncGenerator<object> {
      yield { fine: true };
      throw new Error('the database went away');
    }
    const archive = personalArchive([{ name: 'failing', rows: failing() }], options);
    await expect(buffer(archive)).rejects.toThrow('the database went away');
  });

  it('is given up when its reader stops reading', async () => {
    const rows = Readable.from(
      (function* () {
        for (let row = 0; row < 1_000_000; row++) yield { row, text: Math.random() };
      })(),
    ) as unknown as AsyncIterable<object>;
    const archive = personalArchive([{ name: 'rows', rows }], { ...options, stallMs: 30 });
    let reason: unknown;
    archive.once('error', (error) => (reason = error));
    await until(() => archive.destroyed, { describe: 'the archive to be given up' });
    expect(String(reason)).toContain('took nothing for too long');
  });

  it('is refused when two modules have a file of one name', () => {
    const one = { name: 'same', rows: rowsOf() };
    expect(() => personalArchive([one, one], options)).toThrow('files of one name');
    expect(() => personalArchive([{ ...one, name: 'manifest' }], options)).toThrow('files of one name');
  });
});

describe('GET /api/users/me/export', () => {
  let app: TestApp;
  let client: Client;
  /** Rows that a module of the test has; a promise among them is waited for. */
  let more: () => AsyncIterable<object> = () => rowsOf();
  beforeAll(async () => {
    app = await TestApp.start();
    client = new Client({ connectionString: app.settings.databaseUrl });
    await client.connect();
    app.get(AccountHooks).register({ module: 'test', exported: () => [{ name: 'test', rows: more() }] });
  });
  afterEach(() => {
    more = () => rowsOf();
  });
  afterAll(async () => {
    await client.end();
    await app.stop();
  });

  const download = (token: string) =>
    fetch(`${app.url}/api/users/me/export`, { headers: { authorization: `Bearer ${token}` } });
  const whole = async (token: string) => {
    const answer = await download(token);
    expect(answer.status).toBe(200);
    return unzip(Buffer.from(await answer.arrayBuffer()));
  };

  it('has a file of every module, in the order of ids, and is audited', async () => {
    const { id, token } = await app.user();
    for (let n = 0; n < 3; n++)
      await client.query(
        `insert into notifications (id, user_id, type, title, message) values (gen_random_uuid(), $1, 't', $2, 'm')`,
        [id, `number ${n}`],
      );
    const files = await whole(token);
    expect([...files.keys()].toSorted()).toEqual(
      [
        'api-keys.json',
        'archived-jobs.json',
        'audit-logs.json',
        'calendars.json',
        'job-logs.json',
        'jobs.json',
        'mailed-codes.json',
        'manifest.json',
        'notifications.json',
        'paused-queues.json',
        'profile.json',
        'recovery-codes.json',
        'remote-permissions.json',
        'remotes.json',
        'schedule-slots.json',
        'schedules.json',
        'second-factors.json',
        'seen-devices.json',
        'sessions.json',
        'preferences.json',
        'tasks.json',
        'test.json',
      ].toSorted(),
    );
    expect([...files.keys()].at(-1)).toBe('manifest.json');
    const ids = (JSON.parse(String(files.get('notifications.json'))) as { id: string }[]).map(
      (one) => one.id,
    );
    expect(ids).toHaveLength(3);
    expect(ids).toEqual(ids.toSorted());
    const profile = JSON.parse(String(files.get('profile.json'))) as object[];
    expect(profile).toEqual([(await app.call('GET', '/api/users/me', { token })).body]);
    expect(manifestOf(files).userId).toBe(id);
    const { rows } = await client.query(
      `select action, resource_id, details from audit_logs where user_id = $1 and action = 'user.export'`,
      [id],
    );
    expect(rows).toEqual([{ action: 'user.export', resource_id: id, details: {} }]);
  });

  it('has nothing of anybody else', async () => {
    const [one, other] = [await app.user(), await app.user()];
    const text = [...(await whole(one.token)).values()].map(String).join('\n');
    expect(text).toContain(one.id);
    expect(text).not.toContain(other.id);
  });

  it('needs a recent login, in person', async () => {
    const { id, token } = await app.user();
    await client.query(
      `update sessions set authenticated_at = now() - interval '11 minutes' where user_id = $1`,
      [id],
    );
    const answer = await app.call<{ code: string }>('GET', '/api/users/me/export', { token });
    expect([answer.status, answer.body.code]).toEqual([403, 'reauth_required']);
    expect((await app.call('GET', '/api/users/me/export', { token: null })).status).toBe(401);
  });

  it('is made once at a time for a person; letting it go makes room, also in the middle', async () => {
    const [{ token }, other] = [await app.user(), await app.user()];
    let letGo = false;
    let waiting = false;
    more = async function* () {
      try {
        yield { first: true };
        waiting = true;
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          yield { text: crypto.randomUUID() };
        }
      } finally {
        letGo = true;
      }
    };
    const cut = request(`${app.url}/api/users/me/export`, { headers: { authorization: `Bearer ${token}` } });
    cut.on('error', () => undefined);
    cut.end();
    await until(() => waiting, { describe: 'the export to be in the middle' });
    more = () => rowsOf();
    const second = await app.call<{ code: string }>('GET', '/api/users/me/export', { token });
    expect([second.status, second.body.code]).toEqual([409, 'export_under_way']);
    await whole(other.token);
    cut.destroy();
    await until(() => letGo, { describe: 'the rows to be let go' });
    await whole(token);
  });

  it('is cut off when it cannot be finished, and the next one is made', async () => {
    const { token } = await app.user();
    more = async function* () {
      yield { first: true };
      throw new Error('not today');
    };
    const answer = await download(token);
    await expect(answer.arrayBuffer()).rejects.toThrow('terminated');
    more = () => rowsOf();
    await whole(token);
  });

  it('is refused while four others are made', async () => {
    more = async function* () {
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        yield { text: crypto.randomUUID() };
      }
    };
    const aborts: AbortController[] = [];
    for (let n = 0; n < 4; n++) {
      const abort = new AbortController();
      aborts.push(abort);
      const { token } = await app.user();
      const headers = { authorization: `Bearer ${token}` };
      const answer = await fetch(`${app.url}/api/users/me/export`, { headers, signal: abort.signal });
      expect(answer.status).toBe(200);
    }
    const fifth = await download((await app.user()).token);
    expect([fifth.status, fifth.headers.get('retry-after')]).toEqual([503, '30']);
    for (const abort of aborts) abort.abort();
    more = () => rowsOf();
    const { token } = await app.user();
    await until(async () => (await download(token)).status === 200, { describe: 'room for another one' });
  });

  it('leaves none out of more than one page, and has none twice', async () => {
    const { id, token } = await app.user();
    await client.query(
      `insert into jobs (id, user_id, type, queue, status, completed_at, payload)
       select overlay(gen_random_uuid()::text placing substr(uuid_v7_floor(now())::text, 1, 13) from 1 for 13)::uuid,
              $1, 'copy', 'files', 'completed', clock_timestamp() + interval '1 hour', '{}' from generate_series(1, 1201)`,
      [id],
    );
    await client.query(
      `insert into job_logs (id, job_id, level, message) select gen_random_uuid(), id, 'info', n::text
         from jobs, generate_series(1, 3) n where user_id = $1`,
      [id],
    );
    const files = await whole(token);
    const jobs = JSON.parse(String(files.get('jobs.json'))) as { id: string }[];
    const stored = await client.query<{ id: string }>(`select id from jobs where user_id = $1 order by id`, [
      id,
    ]);
    expect(jobs.map((job) => job.id)).toEqual(stored.rows.map((job) => job.id));
    const lines = JSON.parse(String(files.get('job-logs.json'))) as { id: string; jobId: string }[];
    expect(new Set(lines.map((line) => line.id)).size).toBe(3 * 1201);
    expect(lines.map((line) => line.jobId)).toEqual(jobs.flatMap((job) => [job.id, job.id, job.id]));
    const counts = manifestOf(files).files.map(({ name, rows }) => [name, rows]);
    expect(counts).toContainEqual(['jobs.json', 1201]);
    expect(counts).toContainEqual(['job-logs.json', 3 * 1201]);
  });
});
