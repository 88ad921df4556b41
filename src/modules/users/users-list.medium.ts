import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsApplication, type AccountsApplication } from '../../../test/harness/accounts-application.js';
import { newId } from '../../kernel/database/index.js';
import { AccountHooks } from './account-hooks.js';
import { UsersService } from './users.service.js';

interface Listed {
  readonly items: { id: string; taskCount: number; email: string }[];
  readonly nextCursor: string | null;
}

let app: AccountsApplication;
let token: string;
let admin: string;
const ids: Record<string, string> = {};
const system = { type: 'system', name: 'test' } as const;
const PASSWORD = 'a long enough password';

beforeAll(async () => {
  app = await accountsApplication();
  const users = app.get(UsersService);
  const make = async (name: string, extra: object = {}) => {
    ids[name] = (await users.createWithPassword(system, { email: `${name}@list.test`, ...extra })).id;
  };
  await make('zoe', { role: 'admin', password: PASSWORD });
  admin = ids['zoe']!;
  await make('busy', { isVerified: true });
  await make('idle', { isActive: false });
  await make('some', { role: 'power_user' });
  await make('also', { isVerified: true });
  const login = { identifier: 'zoe@list.test', password: PASSWORD };
  token = (await app.call('POST', '/auth/login', { body: login })).body['accessToken'] as unknown as string;
  await addTasks('busy', 3);
  await addTasks('some', 1);
  await addTasks('also', 1);
});
afterAll(async () => app.close());

async function addTasks(owner: string, count: number): Promise<void> {
  await app.sql(
    `insert into tasks (id, owner_id, title) select gen_random_uuid(), $1, 'task ' || n from generate_series(1, $2::int) n`,
    [ids[owner], count],
  );
}

async function list(query: string): Promise<Listed> {
  const { status, body } = await app.call('GET', `/users?${query}`, { token });
  expect([query, status]).toEqual([query, 200]);
  return body as unknown as Listed;
}
const names = ({ items }: Pick<Listed, 'items'>): string[] => items.map(({ email }) => email.split('@')[0]!);

/** All pages of `size` in one list. */
async function all(query: string, size: number): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page: Listed = await list(
      `${query}&limit=${size}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
    );
    found.push(...names(page));
    cursor = page.nextCursor;
  }
  return found;
}

describe('the list of users', () => {
  it.each([1, 2, 3, 100])('comes in each order the same, by pages of %i', async (size) => {
    expect(await all('sort=-createdAt', size)).toEqual(['also', 'some', 'idle', 'busy', 'zoe']);
    expect(await all('sort=-taskCount', size)).toEqual(['busy', 'also', 'some', 'idle', 'zoe']);
    expect(await all('sort=email', size)).toEqual(['also', 'busy', 'idle', 'some', 'zoe']);
  });

  it('reports the number of tasks, zero included (S0-27)', async () => {
    const { items } = await list('sort=-taskCount');
    expect(items.map(({ taskCount }) => taskCount)).toEqual([3, 1, 1, 0, 0]);
  });

  it('tells who has tasks and who has none (S0-28)', async () => {
    expect(names(await list('hasTasks=false'))).toEqual(['idle', 'zoe']);
    expect(names(await list('hasTasks=true'))).toEqual(['also', 'some', 'busy']);
    expect(names(await list('hasTasks=true&sort=-taskCount'))).toEqual(['busy', 'also', 'some']);
    expect(names(await list('hasTasks=false&isActive=true'))).toEqual(['zoe']);
  });

  it('is filtered, alone and together (S0-26)', async () => {
    expect(names(await list('isActive=true'))).toEqual(['also', 'some', 'busy', 'zoe']);
    expect(names(await list('isVerified=true'))).toEqual(['also', 'busy']);
    expect(names(await list('role=power_user'))).toEqual(['some']);
    expect(names(await list('isVerified=true&hasTasks=true&sort=email&q=LIST.test'))).toEqual([
      'also',
      'busy',
    ]);
  });

  it.each([
    ['sort=email', 'not a cursor'],
    ['sort=-taskCount', Buffer.from('{"id":"x","taskCount":1}').toString('base64url')],
    ['sort=-taskCount', Buffer.from('{"taskCount":1}').toString('base64url')],
    ['sort=email', Buffer.from('null').toString('base64url')],
    ['sort=-taskCount', '019a9f5e-0000-7000-8000-000000000001'],
    ['sort=-createdAt', '1'],
    ['sort=email', '%00'],
    ['sort=email', 'x'.repeat(1001)],
  ])('refuses a cursor that is not of this order: %s', async (query, cursor) => {
    const answer = await app.call('GET', `/users?${query}&cursor=${cursor}`, { token });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/cursor' }] } });
  });

  it.each(['sort=taskCount', 'sort=createdAt', 'hasTasks=1', 'isVerified=yes', 'offset=2'])(
    'refuses %s',
    async (query) => expect((await app.call('GET', `/users?${query}`, { token })).status).toBe(400),
  );

  it('stays as it is while users come', async () => {
    const first = await list('sort=-taskCount&limit=2');
    await app.get(UsersService).createWithPassword(system, { email: 'newcomer@list.test' });
    const rest = await list(`sort=-taskCount&cursor=${first.nextCursor}`);
    expect(names(rest).filter((name) => name !== 'newcomer')).toEqual(['some', 'idle', 'zoe']);
    await app.sql(`delete from users where email = 'newcomer@list.test'`);
  });
});

describe('users.task_count', () => {
  const counts = async (...owners: string[]) => {
    const rows = await app.sql<{ id: string; task_count: number; real: number }>(
      `select id, task_count, (select count(*)::int from tasks where owner_id = users.id) as real
         from users where id = any ($1)`,
      [owners],
    );
    expect(rows.map(({ task_count }) => task_count)).toEqual(rows.map(({ real }) => real));
    return Object.fromEntries(rows.map(({ id, task_count }) => [id, task_count]));
  };
  const owner = async (): Promise<string> =>
    (await app.get(UsersService).createWithPassword(system, { email: `${newId()}@count.test` })).id;
  const add = (owners: readonly string[]) =>
    app.sql(
      `insert into tasks (id, owner_id, title) select gen_random_uuid(), o::uuid, 't' from unnest($1::text[]) o`,
      [owners],
    );

  it('follows tasks that come, go and change their owner, also several at once', async () => {
    const [a, b] = [await owner(), await owner()];
    await add([a, a, a, b]);
    expect(await counts(a, b)).toEqual({ [a]: 3, [b]: 1 });
    await app.sql(
      `update tasks set owner_id = case owner_id when $1 then $2::uuid else $1 end where owner_id in ($1, $2)`,
      [a, b],
    );
    expect(await counts(a, b)).toEqual({ [a]: 1, [b]: 3 });
    await app.sql(`update tasks set title = 'another' where owner_id = $1`, [b]);
    await app.sql(
      `delete from tasks where owner_id = $1 and id in (select id from tasks where owner_id = $1 limit 2)`,
      [b],
    );
    expect(await counts(a, b)).toEqual({ [a]: 1, [b]: 1 });
  });

  it('is no change of the account', async () => {
    const a = await owner();
    const stamps = () => app.sql(`select updated_at, version from users where id = $1`, [a]);
    const before = await stamps();
    await add([a]);
    expect(await stamps()).toEqual(before);
  });

  it('survives what is rolled back and what goes with its owner', async () => {
    const [a, b] = [await owner(), await owner()];
    const failing = app.sql(
      `insert into tasks (id, owner_id, title) values (gen_random_uuid(), $1, 'fine'), (gen_random_uuid(), $1, '')`,
      [a],
    );
    await expect(failing).rejects.toThrow('tasks_title_check');
    await add([a, b]);
    await app.sql('delete from users where id = $1', [a]);
    expect(await counts(a, b)).toEqual({ [b]: 1 });
    expect(await app.sql('select 1 from tasks where owner_id = $1', [a])).toEqual([]);
  });

  it('is exact after many statements at the same moment, in any order of owners', async () => {
    const [a, b] = [await owner(), await owner()];
    await Promise.all(Array.from({ length: 20 }, (_, i) => add(i % 2 ? [a, b, b] : [b, a, b])));
    expect(await counts(a, b)).toEqual({ [a]: 20, [b]: 40 });
  });

  it.each(['pending', 'in_progress', 'completed', 'cancelled'])('knows the status %s', async (status) => {
    const a = await owner();
    await app.sql(`insert into tasks (id, owner_id, title, status) values (gen_random_uuid(), $1, 't', $2)`, [
      a,
      status,
    ]);
    expect(await counts(a)).toEqual({ [a]: 1 });
  });

  it.each([
    [`status`, 'done', 'tasks_status_known'],
    [`processing_status`, 'done', 'tasks_processing_status_known'],
    [`title`, 'x'.repeat(501), 'tasks_title_check'],
    [`file_path`, 'x'.repeat(1001), 'tasks_file_path_check'],
  ])('refuses tasks whose %s is wrong', async (column, value, constraint) => {
    const a = await owner();
    const columns =
      column === 'title'
        ? `title) values (gen_random_uuid(), $1, $2)`
        : `title, ${column}) values (gen_random_uuid(), $1, 't', $2)`;
    await expect(app.sql(`insert into tasks (id, owner_id, ${columns}`, [a, value])).rejects.toThrow(
      constraint,
    );
  });
});

describe('an account', () => {
  it('is changed against the version that was read, where one is named', async () => {
    const id = ids['some']!;
    const get = () => app.call('GET', `/users/${id}`, { token });
    const patch = (ifMatch: string | null, body: object = { fullName: 'Some One' }) =>
      app.call('PATCH', `/users/${id}`, { token, body, headers: ifMatch ? { 'if-match': ifMatch } : {} });
    const { headers } = await get();
    const etag = headers['etag'] as string;
    expect(etag).toMatch(/^"\d+"$/);
    const changed = await patch(etag);
    expect([changed.status, changed.headers['etag']]).toEqual([200, `"${Number(etag.slice(1, -1)) + 1}"`]);
    expect(await patch(etag)).toMatchObject({ status: 412, body: { code: 'precondition_failed' } });
    expect((await patch(null)).status).toBe(200);
    expect((await patch('*')).status).toBe(200);
    expect((await patch('W/"1"')).status).toBe(400);
    const now = (await get()).headers['etag'];
    await patch(now as string, {});
    await addTasks('some', 1);
    expect((await get()).headers['etag']).toBe(now);
  });

  it('is changed by its own person in the same way', async () => {
    const get = () => app.call('GET', '/users/me', { token });
    const etag = (await get()).headers['etag'] as string;
    const patch = () =>
      app.call('PATCH', '/users/me', { token, body: { fullName: 'Zoë' }, headers: { 'if-match': etag } });
    expect((await patch()).status).toBe(200);
    expect((await patch()).status).toBe(412);
    expect((await get()).body).not.toHaveProperty('taskCount');
  });

  it('gets a new address from an admin, which is not verified unless the admin says so', async () => {
    const id = ids['busy']!;
    const patch = (body: object) => app.call('PATCH', `/users/${id}`, { token, body });
    expect((await patch({ email: 'BUSY@list.test' })).body).toMatchObject({
      email: 'BUSY@list.test',
      isVerified: true,
    });
    expect((await patch({ email: 'مشغول@مثال.ایران' })).body).toMatchObject({ isVerified: false });
    expect((await patch({ email: 'busy@list.test', isVerified: true })).body).toMatchObject({
      isVerified: true,
    });
    expect(await patch({ email: 'IDLE@LIST.test' })).toMatchObject({
      status: 409,
      body: { code: 'email_taken' },
    });
    expect(await patch({ email: 'no address' })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/email' }] },
    });
    const records = await app.sql(
      `select details from audit_logs where action = 'user.update' and resource_id = $1`,
      [id],
    );
    expect(JSON.stringify(records)).not.toContain('@');
  });

  it('is made once for one Idempotency-Key, whose stored answer and body tell no password', async () => {
    const headers = { 'idempotency-key': 'make-one' };
    const body = { email: 'once@list.test', password: 'the password of once' };
    const make = (more: object = {}) =>
      app.call('POST', '/users', { token, headers, body: { ...body, ...more } });
    const [first, second] = await Promise.all([make(), make()]);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    const replays = [first, second].filter((one) => one.headers['idempotency-replayed'] === 'true');
    expect(replays).toHaveLength(1);
    expect(first.headers['location']).toBe(`/api/users/${String(first.body['id'])}`);
    expect((await make({ fullName: 'Another' })).status).toBe(422);
    const [stored] = await app.sql<{ body_hash: Buffer; answer: string }>(
      `select body_hash, response::text as answer from idempotency_keys where user_id = $1 and key = 'make-one'`,
      [admin],
    );
    expect(stored!.answer).not.toContain('the password of once');
    const plain = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(body)));
    expect(stored!.body_hash.equals(Buffer.from(plain))).toBe(false);
  });

  it('leaves no answer behind when its person is erased', async () => {
    const headers = { 'idempotency-key': 'make-and-erase' };
    const { body } = await app.call('POST', '/users', { token, headers, body: { email: 'gone@list.test' } });
    await app.database.system('test').tx((tx) => app.get(AccountHooks).erased(tx, String(body['id']), null));
    expect(
      await app.sql(`select 1 from idempotency_keys where response::text like '%gone@list.test%'`),
    ).toEqual([]);
  });
});

describe('50 registrations of one address at the same moment, each written differently', () => {
  it.each([
    ['latin', ['Storm@Race.test', 'storm@race.TEST', 'ＳＴＯＲＭ@race.test', 'storm@ｒace.test']],
    ['russian', ['Буря@Пример.рф', 'буря@xn--e1afmkfd.xn--p1ai', 'БУРЯ@ПРИМЕР.РФ']],
    ['persian', ['طوفان@مثال.ایران', 'طوفان@xn--mgbh0fb.xn--mgba3a4f16a']],
    ['korean', ['폭풍@예.한국', '폭풍@예.한국'.normalize('NFD')]],
    ['thai', ['พายุ@ไทย.ไทย', 'พายุ@xn--o3cw4h.xn--o3cw4h']],
  ])('make one account (%s)', async (name, spellings) => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        app.call('POST', '/auth/register', {
          body: { email: spellings[i % spellings.length], password: PASSWORD, fullName: name },
        }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(49);
    expect(await app.sql(`select 1 from users where full_name = $1`, [name])).toHaveLength(1);
  });

  it('takes an address with emoji, and refuses U+0000 in any field', async () => {
    const register = (body: object) =>
      app.call('POST', '/auth/register', { body: { password: PASSWORD, ...body } });
    expect((await register({ email: '🌊@emoji.test', username: '🌊surfer' })).status).toBe(201);
    expect((await register({ email: '🌊@EMOJI.test' })).status).toBe(409);
    for (const body of [
      { email: 'a\0@b.test' },
      { email: 'a@b.test', username: 'a\0' },
      { email: 'a@b.test', fullName: '\0' },
    ])
      expect(await register(body)).toMatchObject({
        status: 400,
        body: { errors: [{ code: 'nul_character' }] },
      });
  });
});
