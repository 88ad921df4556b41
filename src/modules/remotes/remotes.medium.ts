import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp, type Answer, type CallOptions } from '../../../test/harness/app.js';
import { openDatabase } from '../../../test/harness/open-database.js';
import { Database, newId, query } from '../../kernel/database/index.js';
import { RemotesRepository } from './remotes.repository.js';
import type { RemoteView } from './remotes.schema.js';

let app: TestApp;
let root: string;

beforeAll(async () => {
  app = await TestApp.start();
  root = app.settings.localRoots[0] ?? '';
});
afterAll(() => app.stop());

type Failure = { code: string; detail: string; errors: { pointer: string; code: string }[] };
type Body = RemoteView & Failure;

const call = (method: string, place: string, options?: CallOptions): Promise<Answer<Body>> =>
  app.call<Body>(method, `/api/remotes${place}`, options);
const make = (name: string, options: CallOptions = {}, folder = name): Promise<Answer<Body>> =>
  call('POST', '', { body: { type: 'local', name, root: path.join(root, folder) }, ...options });
const match = (tag: string | null): Record<string, string> => ({ 'if-match': tag ?? '' });

async function events(subjectId: string): Promise<{ type: string; data: object }[]> {
  const { database, close } = await openDatabase(app.settings.databaseUrl ?? '', 1);
  try {
    return await query(database.read, `select type, data from events where subject_id = $1 order by id`, [
      subjectId,
    ]);
  } finally {
    await close();
  }
}

describe('making a remote', () => {
  it('makes its folder, checks it and tells its events', async () => {
    const { status, headers, body } = await make('new one');
    expect(status).toBe(201);
    expect(headers.get('etag')).toBe('"1"');
    expect(headers.get('location')).toBe(`/api/remotes/${body.id}`);
    expect(body).toMatchObject({
      name: 'new one',
      type: 'local',
      root: path.join(root, 'new one'),
      status: 'online',
      statusDetail: null,
      hasSecrets: false,
    });
    expect(await events(body.id)).toEqual([
      {
        type: 'remote.status_changed',
        data: { name: 'new one', from: 'unknown', to: 'online', detail: null },
      },
    ]);
    expect((await call('GET', `/${body.id}`)).body).toEqual(body);
  });

  it('lets one of several win a name, in whatever case it is written', async () => {
    const answers = await Promise.all(['Straße', 'STRASSE', 'strasse', 'Straße'].map((name) => make(name)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409]);
    const loser = answers.find(({ status }) => status === 409);
    expect(loser?.body).toMatchObject({ code: 'remote_name_taken', errors: [{ pointer: '/name' }] });
  });

  it('makes one however often a key repeats it', async () => {
    const options = { headers: { 'idempotency-key': newId() } };
    const [first, second] = [await make('once', options), await make('once', options)];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect([second.body, second.headers.get('etag')]).toEqual([first.body, '"1"']);
  });

  it('is for admins', async () => {
    const { token } = await app.user('power_user');
    expect(await make('not mine', { token })).toMatchObject({ status: 403, body: { code: 'role_required' } });
    expect((await make('nobody', { token: null })).status).toBe(401);
  });

  it('refuses places a local remote may not have, naming the field', async () => {
    await writeFile(path.join(root, 'a file'), 'x');
    await symlink('/', path.join(root, 'way out'));
    const roots = [
      ['/etc', 'outside'],
      ['relative', 'not_absolute'],
      [`${root}/../x`, 'dot_segment'],
      [`${root}/\uff0e\uff0e/x`, 'dot_segment'],
      [`${root}/way out/tmp`, 'outside'],
      [`${root}/a file`, 'not_a_folder'],
      [`${root}/a file/below`, 'not_a_folder'],
    ] as const;
    for (const [place, code] of roots) {
      const { status, body } = await call('POST', '', { body: { type: 'local', name: place, root: place } });
      expect([place, status, body.errors.map(({ pointer, code: found }) => [pointer, found])]).toEqual([
        place,
        400,
        [['/root', code]],
      ]);
    }
  });

  it.each([
    [{ type: 'local', name: '', root: '/x' }, '/name'],
    [{ type: 'local', name: ' padded', root: '/x' }, '/name'],
    [{ type: 'local', name: 'a\nb', root: '/x' }, '/name'],
    [{ type: 'local', name: 'n'.repeat(101), root: '/x' }, '/name'],
    [{ type: 'local', name: 'n' }, '/root'],
    [{ type: 'local', name: 'n', root: '/x', ownerId: newId() }, '/ownerId'],
    [{ type: 'mega', name: 'n' }, '/type'],
    [{ type: 's3', name: 'n' }, '/options/provider'],
    [{ type: 'local', name: 'n', root: '/x', options: {} }, '/options'],
    [{ type: 'sftp', name: 'n', options: { host: 'h.example', user: 'u' }, parts: [] }, '/parts'],
  ])('refuses %j', async (body, pointer) => {
    const { status, body: problem } = await call('POST', '', { body });
    expect([status, problem.errors.map((error) => error.pointer)]).toEqual([400, [pointer]]);
  });
});

describe('who may use it', () => {
  it('does not exist for others', async () => {
    const { body } = await make('hidden');
    const { token } = await app.user();
    for (const [method, place, more] of [
      ['GET', '', {}],
      ['GET', '/files', {}],
      ['GET', '/usage', {}],
      ['POST', '/check', {}],
      ['PATCH', '', { body: { name: 'mine' } }],
      ['DELETE', '', {}],
    ] as const) {
      const answer = await call(method, `/${body.id}${place}`, { token, headers: match('*'), ...more });
      expect([method, place, answer.status, answer.body.code]).toEqual([method, place, 404, 'not_found']);
    }
    const { body: list } = await app.call<{ items: unknown[] }>('GET', '/api/remotes', { token });
    expect(list.items).toEqual([]);
  });

  it('stays with an owner who is an admin no more, but not its place', async () => {
    const { id, token } = await app.user('admin');
    const { body } = await make('kept', { token });
    await app.call('PATCH', `/api/users/${id}`, { body: { role: 'user' } });
    expect(await call('GET', `/${body.id}`, { token })).toMatchObject({
      status: 200,
      body: { ownerId: id, root: path.join(root, 'kept') },
    });
    const options = { token, headers: match('*') };
    const moved = await call('PATCH', `/${body.id}`, { ...options, body: { root: path.join(root, 'm') } });
    expect(moved).toMatchObject({ status: 403, body: { code: 'role_required' } });
    const renamed = await call('PATCH', `/${body.id}`, { ...options, body: { name: 'kept still' } });
    expect(renamed).toMatchObject({ status: 200, body: { name: 'kept still' } });
  });
});

describe('changing a remote', () => {
  it('asks for the version that was read and makes a new one', async () => {
    const made = await make('edited');
    const place = `/${made.body.id}`;
    const body = { name: 'Edited', root: path.join(root, 'elsewhere') };
    expect((await call('PATCH', place, { body })).status).toBe(428);
    expect((await call('PATCH', place, { body, headers: match('"7"') })).status).toBe(412);
    const changed = await call('PATCH', place, { body, headers: match(made.headers.get('etag')) });
    expect(changed).toMatchObject({ status: 200, body: { ...body, status: 'online' } });
    expect(changed.headers.get('etag')).toBe('"2"');
    expect((await call('PATCH', place, { body: { name: 'x' }, headers: match('"1"') })).status).toBe(412);
    expect((await call('DELETE', place)).status).toBe(428);
    expect((await call('DELETE', place, { headers: match('"1"') })).status).toBe(412);
    expect((await call('DELETE', place, { headers: match('"2"') })).status).toBe(204);
    expect((await call('GET', place)).status).toBe(404);
  });

  it('changes nothing for an empty change', async () => {
    const made = await make('as it was');
    const same = await call('PATCH', `/${made.body.id}`, { body: {}, headers: match('"1"') });
    expect([same.status, same.headers.get('etag'), same.body]).toEqual([200, '"1"', made.body]);
  });

  it('is written down with who did it', async () => {
    const { body } = await make('audited');
    await call('PATCH', `/${body.id}`, { body: { name: 'audited 2' }, headers: match('*') });
    await call('DELETE', `/${body.id}`, { headers: match('*') });
    const { body: trail } = await app.call<{ items: { action: string; details: object }[] }>(
      'GET',
      `/api/audit-logs?resourceId=${body.id}`,
    );
    expect(trail.items.map(({ action, details }) => [action, details])).toEqual([
      ['remote.delete', { name: 'audited 2', type: 'local', root: body.root }],
      ['remote.update', { name: { from: 'audited', to: 'audited 2' } }],
      ['remote.create', { name: 'audited', type: 'local', root: body.root }],
    ]);
  });
});

describe('checking a remote', () => {
  it('tells of a folder that is gone, once', async () => {
    const { body } = await make('lost');
    await rm(path.join(root, 'lost'), { recursive: true });
    const gone = await call('POST', `/${body.id}/check`);
    expect(gone).toMatchObject({
      status: 200,
      body: { status: 'offline', statusDetail: 'The folder of this remote is not there.' },
    });
    expect(gone.headers.get('etag')).toBe('"1"');
    await call('POST', `/${body.id}/check`);
    expect((await call('GET', `/${body.id}/usage`)).body.code).toBe('remote_offline');
    await mkdir(path.join(root, 'lost'));
    await call('POST', `/${body.id}/check`);
    expect((await events(body.id)).map(({ data }) => (data as { to: string }).to)).toEqual([
      'online',
      'offline',
      'online',
    ]);
  });

  it('drops what was found out about a version that is no more', async () => {
    const { body } = await make('raced');
    const found = { status: 'offline', detail: 'old news' } as const;
    const before = await app
      .get(Database)
      .system('a test')
      .tx((tx) => new RemotesRepository().recordCheck(tx, body.id, 7, found));
    expect(before).toBeNull();
    expect((await call('GET', `/${body.id}`)).body.status).toBe('online');
  });

  it('knows the space of its file system', async () => {
    const { body } = await make('roomy');
    const { body: usage } = await app.call<{ total: number; used: number; free: number }>(
      'GET',
      `/api/remotes/${body.id}/usage`,
    );
    expect(usage.total).toBeGreaterThan(0);
    expect(usage.used + usage.free).toBeLessThanOrEqual(usage.total);
  });
});
