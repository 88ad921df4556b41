import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { accountsApplication, type AccountsApplication } from '../../../test/harness/accounts-application.js';
import { Database } from '../../kernel/database/index.js';
import { UserEntity } from './user.entity.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

let app: AccountsApplication;
let users: UsersService;
let database: Database;
let count = 0;

beforeAll(async () => {
  app = await accountsApplication();
  users = app.get(UsersService);
  database = app.get(Database);
});
afterAll(async () => app.close());

const PASSWORD = 'password of a person';
const system = { type: 'system', name: 'test' } as const;

interface Person {
  readonly id: string;
  readonly token: string;
}

async function person(role: 'user' | 'power_user' | 'admin' = 'user'): Promise<Person> {
  const email = `p${count++}@users.test`;
  const { id } = await users.createWithPassword(system, { email, password: PASSWORD, role });
  const { body } = await app.call('POST', '/auth/login', { body: { identifier: email, password: PASSWORD } });
  return { id, token: body['accessToken'] as unknown as string };
}

async function listed(token: string, query: string): Promise<string[]> {
  const { status, body } = await app.call('GET', `/users?${query}`, { token });
  expect(status).toBe(200);
  return (body as unknown as { items: { id: string }[] }).items.map((one) => one.id);
}

describe('me', () => {
  it('is read and changed; null clears, metadata is replaced, what is absent stays', async () => {
    const { token } = await person();
    const patch = (body: object) => app.call('PATCH', '/users/me', { token, body });
    expect((await patch({ fullName: '김민준', username: '민준', metadata: { a: { b: [1] } } })).status).toBe(
      200,
    );
    expect((await patch({ metadata: { c: null } })).body).toMatchObject({
      fullName: '김민준',
      metadata: { c: null },
    });
    const { body } = await patch({ username: null, fullName: null });
    expect(body).toMatchObject({ username: null, fullName: null, metadata: { c: null } });
    expect((await app.call('GET', '/users/me', { token })).body).toEqual(body);
    expect((await patch({})).body).toEqual(body);
  });

  it.each([
    [{ email: 'new@users.test' }, '/email', 'unknown_field'],
    [{ role: 'admin' }, '/role', 'unknown_field'],
    [{ isVerified: true }, '/isVerified', 'unknown_field'],
    [{ isActive: false }, '/isActive', 'unknown_field'],
    [{ isSuperuser: true }, '/isSuperuser', 'unknown_field'],
    [{ ownerId: 'x' }, '/ownerId', 'unknown_field'],
    [{ id: 'x' }, '/id', 'unknown_field'],
    [{ taskCount: 7 }, '/taskCount', 'unknown_field'],
    [{ version: 7 }, '/version', 'unknown_field'],
    [{ passwordHash: 'x' }, '/passwordHash', 'unknown_field'],
    [{ fullName: '' }, '/fullName', 'too_small'],
    [{ fullName: 5 }, '/fullName', 'invalid_type'],
    [{ username: 'Аdmin' }, '/username', 'username_mixed_scripts'],
    [{ metadata: [] }, '/metadata', 'invalid_type'],
    [{ metadata: { text: 'x'.repeat(17_000) } }, '/metadata', 'custom'],
    [{ metadata: { 'a/b': 'x\u0000' } }, '/metadata/a~1b', 'nul_character'],
  ])('refuses %j', async (body, pointer, code) => {
    const { token } = await person();
    const answer = await app.call('PATCH', '/users/me', { token, body });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer, code }] } });
  });

  it('cannot take the username of somebody else', async () => {
    const [one, other] = [await person(), await person()];
    await app.call('PATCH', '/users/me', { token: one.token, body: { username: 'Taken' } });
    const answer = await app.call('PATCH', '/users/me', { token: other.token, body: { username: 'ｔAKEN' } });
    expect(answer).toMatchObject({
      status: 409,
      body: { code: 'username_taken', errors: [{ pointer: '/username' }] },
    });
    const again = await app.call('PATCH', '/users/me', { token: one.token, body: { username: 'TAKEN' } });
    expect(again.body['username']).toBe('TAKEN');
  });
});

describe('administration', () => {
  let admin: Person;
  beforeEach(async () => {
    admin = await person('admin');
  });

  it('is for admins only', async () => {
    const { id } = await person();
    for (const { token } of [await person(), await person('power_user')])
      for (const [method, path, body] of [
        ['GET', '/users', undefined],
        ['GET', `/users/${id}`, undefined],
        ['PATCH', `/users/${id}`, { role: 'admin' }],
        ['POST', '/users', { email: 'x@users.test' }],
      ] as const)
        expect((await app.call(method, path, { token, body })).status).toBe(403);
  });

  it('creates users, with or without a password', async () => {
    const create = (body: object) => app.call('POST', '/users', { token: admin.token, body });
    const made = await create({
      email: 'Анна@пример.рф',
      password: PASSWORD,
      role: 'power_user',
      isVerified: true,
      fullName: 'Анна',
    });
    expect(made).toMatchObject({
      status: 201,
      body: { role: 'power_user', isVerified: true, isSuperuser: false },
    });
    const login = { body: { identifier: 'анна@xn--e1afmkfd.xn--p1ai', password: PASSWORD } };
    expect((await app.call('POST', '/auth/login', login)).status).toBe(200);
    expect(await create({ email: 'АННА@ПРИМЕР.РФ' })).toMatchObject({
      status: 409,
      body: { code: 'email_taken' },
    });
    expect(await create({ email: 'nopassword@users.test' })).toMatchObject({ status: 201 });
    expect((await create({ email: 'y@users.test', role: 'root' })).status).toBe(400);
    expect((await create({ email: 'y@users.test', isSuperuser: true })).status).toBe(400);
  });

  it('changes rights, which count at the next request, and records from what to what', async () => {
    const { id, token } = await person();
    const patch = (body: object) => app.call('PATCH', `/users/${id}`, { token: admin.token, body });
    expect((await patch({ role: 'admin' })).body).toMatchObject({ role: 'admin', isSuperuser: true });
    expect((await app.call('GET', '/users', { token })).status).toBe(200);
    await patch({ role: 'user', fullName: 'Somebody Private' });
    expect((await app.call('GET', '/users', { token })).status).toBe(403);
    await patch({ isActive: false });
    expect((await app.call('GET', '/users/me', { token })).body['code']).toBe('session_ended');
    expect(await users.rightsOf(database.read, id)).toEqual({ id, role: 'user', isActive: false });
    const records = await app.sql<{ details: object; user_id: string }>(
      `select details, user_id from audit_logs where action = 'user.update' and resource_id = $1 order by id`,
      [id],
    );
    expect(records.map((one) => one.details)).toEqual([
      { fields: ['role'], role: { from: 'user', to: 'admin' } },
      { fields: ['fullName', 'role'], role: { from: 'admin', to: 'user' } },
      { fields: ['isActive'], isActive: { from: true, to: false } },
    ]);
    expect(records.every((one) => one.user_id === admin.id)).toBe(true);
  });

  it('answers 404 for who does not exist and 400 for what is no id', async () => {
    const unknown = '/users/019a9f5e-0000-7000-8000-000000000001';
    expect((await app.call('GET', unknown, { token: admin.token })).status).toBe(404);
    expect((await app.call('PATCH', unknown, { token: admin.token, body: { role: 'user' } })).status).toBe(
      404,
    );
    expect((await app.call('GET', '/users/1', { token: admin.token })).status).toBe(400);
  });

  it('lists with filters and search in any script and case, newest first, page by page', async () => {
    const tag = `tag${count++}`;
    const make = (name: string, extra: object = {}) =>
      users.createWithPassword(system, { email: `${name}.${tag}@users.test`, ...extra });
    const olga = await make('olga', { fullName: `Ольга ${tag}`, role: 'power_user' });
    const percent = await make('per', { fullName: `100% ${tag}` });
    const plain = await make('plain', { username: `Under_${tag}`, isActive: false });
    const { token } = admin;
    const search = (text: string) => listed(token, `q=${encodeURIComponent(text)}`);
    expect(await search(tag.toUpperCase())).toEqual([plain.id, percent.id, olga.id]);
    expect(await search(`ОЛЬГА ${tag}`)).toEqual([olga.id]);
    expect(await search(`0% ${tag}`)).toEqual([percent.id]);
    expect(await search(`r_${tag}`)).toEqual([plain.id]);
    expect(await search(`\\ ${tag}`)).toEqual([]);
    expect(await listed(token, `q=${tag}&role=power_user`)).toEqual([olga.id]);
    expect(await listed(token, `q=${tag}&isActive=false`)).toEqual([plain.id]);
    expect(await listed(token, `q=${tag}&limit=2`)).toEqual([plain.id, percent.id]);
    expect(await listed(token, `q=${tag}&limit=2&cursor=${percent.id}`)).toEqual([olga.id]);
    for (const query of [
      'limit=0',
      'limit=101',
      'cursor=x',
      'role=root',
      'isActive=1',
      'q=',
      'sort=x',
      'q=a&q=b',
    ])
      expect((await app.call('GET', `/users?${query}`, { token: admin.token })).status).toBe(400);
  });
});

describe('the last active admin', () => {
  beforeEach(async () => {
    await app.sql(`update users set role = 'user' where role = 'admin'`);
  });

  it.each([{ role: 'user' }, { role: 'power_user' }, { isActive: false }])('stays: %j', async (changes) => {
    const { id, token } = await person('admin');
    await person();
    const answer = await app.call('PATCH', `/users/${id}`, { token, body: changes });
    expect(answer).toMatchObject({ status: 409, body: { code: 'last_admin' } });
    expect(await users.rightsOf(database.read, id)).toEqual({ id, role: 'admin', isActive: true });
  });

  it('is still there after all admins demote each other at once', async () => {
    const admins = await Promise.all(Array.from({ length: 4 }, () => person('admin')));
    const answers = await Promise.all(
      admins.map(({ token }, i) =>
        app.call('PATCH', `/users/${admins[(i + 1) % admins.length]!.id}`, { token, body: { role: 'user' } }),
      ),
    );
    expect(answers.every(({ status }) => [200, 403, 409].includes(status))).toBe(true);
    const left = await app.sql(`select 1 from users where role = 'admin' and is_active`);
    expect(left.length).toBeGreaterThanOrEqual(1);
  });

  it('can be demoted again once there is another', async () => {
    const [one, other] = [await person('admin'), await person('admin')];
    const demote = { token: other.token, body: { role: 'user' } };
    expect((await app.call('PATCH', `/users/${one.id}`, demote)).status).toBe(200);
  });
});

describe('the facade', () => {
  it('rolls a creation back with its caller', async () => {
    const work = database.tx(async (tx) => {
      await users.create(tx, system, { email: 'never@users.test', passwordHash: null });
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    expect(await users.findByIdentifier(database.read, 'never@users.test')).toBeNull();
    expect(
      await app.sql(`select 1 from audit_logs where action = 'user.create' and created_at is null`),
    ).toEqual([]);
  });

  it('finds by any spelling, and never a tombstone', async () => {
    const input = { email: 'Find.Me@users.test', username: 'FindMe' };
    const { taskCount, ...made } = await users.createWithPassword(system, input);
    expect(taskCount).toBe(0);
    expect(await users.findByIdentifier(database.read, 'find.me@USERS.test')).toEqual(made);
    expect(await users.findByIdentifier(database.read, 'findme')).toEqual(made);
    expect(JSON.stringify(made)).not.toContain('Key');
    const before = await users.count(database.read);
    await app.sql('update users set deleted_at = now() where id = $1', [made.id]);
    expect(await users.findByIdentifier(database.read, 'findme')).toBeNull();
    expect(await users.find(database.read, made.id)).toBeNull();
    expect(await users.rightsOf(database.read, made.id)).toBeNull();
    expect(await users.count(database.read)).toBe(before - 1);
  });

  it('has an entity that agrees with the table', async () => {
    const made = await users.createWithPassword(system, { email: 'entity@users.test', role: 'admin' });
    const row = await app.get(UsersRepository).find(database.read, made.id);
    expect(row).toBeInstanceOf(UserEntity);
    const columns = await app.sql<{ column_name: string }>(
      `select column_name from information_schema.columns where table_name = 'users' and table_schema = 'public'`,
    );
    const properties = Object.keys(row!).map((key) =>
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    );
    expect(properties.toSorted()).toEqual(columns.map((one) => one.column_name).toSorted());
    expect(row).toMatchObject({ isSuperuser: true, emailKey: 'entity@users.test', passwordHash: null });
    expect(Number(row!.seq)).toBeGreaterThan(0);
  });
});
