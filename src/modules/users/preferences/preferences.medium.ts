import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { AccountHooks } from '../account-hooks.js';
import { UsersService } from '../users.service.js';
import { UserPreferences } from './user-preferences.js';

let app: AccountsApplication;
let count = 0;
beforeAll(async () => {
  app = await accountsApplication();
});
afterAll(async () => app.close());

const system = { type: 'system', name: 'test' } as const;
const DEFAULTS = {
  theme: 'light',
  language: 'en',
  timezone: 'UTC',
  notifications: {},
  uiSettings: {},
  apiSettings: {},
  preferences: {},
  updatedAt: null,
};

async function person(): Promise<{ id: string; token: string }> {
  const email = `prefers${count++}@users.test`;
  const password = 'a long enough password';
  const { id } = await app.get(UsersService).createWithPassword(system, { email, password });
  const { body } = await app.call('POST', '/auth/login', { body: { identifier: email, password } });
  return { id, token: body['accessToken'] as unknown as string };
}

const read = (token: string) => app.call('GET', '/users/me/preferences', { token });
const patch = (token: string, body: unknown, headers: Record<string, string> = {}) =>
  app.call('PATCH', '/users/me/preferences', { token, body, headers });

describe('preferences', () => {
  it('are the defaults until something is changed, and no row', async () => {
    const { id, token } = await person();
    const { status, body, headers } = await read(token);
    expect([status, body, headers['etag']]).toEqual([200, DEFAULTS, '"0"']);
    expect(await app.sql('select 1 from user_preferences where user_id = $1', [id])).toEqual([]);
  });

  it('are changed by a merge patch: absent stays, null goes back, objects are merged', async () => {
    const { id, token } = await person();
    const first = await patch(token, {
      theme: 'dark',
      language: 'FA',
      timezone: 'Asia/Tehran',
      notifications: { email: { jobs: true, marketing: false }, push: true },
      preferences: { 'هر چیزی': ['می‌خواهم', '😀'] },
    });
    expect(first).toMatchObject({ status: 200, headers: { etag: '"1"' } });
    const second = await patch(token, {
      theme: null,
      notifications: { email: { marketing: null }, push: false, sms: [1] },
    });
    expect(second.body).toMatchObject({
      theme: 'light',
      language: 'fa',
      timezone: 'Asia/Tehran',
      notifications: { email: { jobs: true }, push: false, sms: [1] },
      preferences: { 'هر چیزی': ['می‌خواهم', '😀'] },
    });
    expect(second.headers['etag']).toBe('"2"');
    expect((await read(token)).body).toEqual(second.body);
    expect((await patch(token, { notifications: null })).body).toMatchObject({ notifications: {} });
    const records = await app.sql(
      `select details from audit_logs where action = 'user.update_preferences' and resource_id = $1 order by id`,
      [id],
    );
    expect(records).toHaveLength(3);
    expect(records[1]).toEqual({ details: { fields: ['notifications', 'theme'] } });
  });

  it('change nothing with an empty patch', async () => {
    const { token } = await person();
    await patch(token, { theme: 'dark' });
    expect(await patch(token, {})).toMatchObject({ body: { theme: 'dark' }, headers: { etag: '"1"' } });
  });

  it.each([
    ['ko', 'ko'],
    ['ru', 'ru'],
    ['th', 'th'],
    ['pt-br', 'pt-BR'],
    ['zh-hans-cn', 'zh-Hans-CN'],
  ])('take the language %s as %s', async (given, kept) => {
    const { token } = await person();
    expect((await patch(token, { language: given })).body).toMatchObject({ language: kept });
  });

  it.each([
    [{ theme: 'purple' }, '/theme', 'invalid_value'],
    [{ language: 'en_US' }, '/language', 'custom'],
    [{ language: 'e' }, '/language', 'too_small'],
    [{ language: 'ไทย' }, '/language', 'custom'],
    [{ timezone: 'Mars/Olympus' }, '/timezone', 'custom'],
    [{ timezone: '+03:30' }, '/timezone', 'custom'],
    [{ timezone: '' }, '/timezone', 'custom'],
    [{ timezone: 5 }, '/timezone', 'invalid_type'],
    [{ timezone: 'Etc/'.repeat(30) }, '/timezone', 'custom'],
    [{ notifications: [] }, '/notifications', 'invalid_type'],
    [{ uiSettings: 'dark' }, '/uiSettings', 'invalid_type'],
    [{ preferences: { 'a/b': '\u0000' } }, '/preferences/a~1b', 'nul_character'],
    [{ userId: 'x' }, '/userId', 'unknown_field'],
    [{ role: 'admin' }, '/role', 'unknown_field'],
    [{ isVerified: true }, '/isVerified', 'unknown_field'],
    [{ ownerId: 'x' }, '/ownerId', 'unknown_field'],
    [{ isSuperuser: true }, '/isSuperuser', 'unknown_field'],
    [{ id: 'x' }, '/id', 'unknown_field'],
    [{ version: 9 }, '/version', 'unknown_field'],
  ])('refuse %j', async (body, pointer, code) => {
    const { token } = await person();
    expect(await patch(token, body)).toMatchObject({ status: 400, body: { errors: [{ pointer, code }] } });
    expect((await read(token)).body).toEqual(DEFAULTS);
  });

  it('refuse what is too large at once', async () => {
    const { token } = await person();
    const answer = await patch(token, { apiSettings: { a: 'x'.repeat(17_000) } });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer: '/apiSettings' }] } });
  });

  it('refuse to grow beyond their bound bit by bit', async () => {
    const { token } = await person();
    for (const key of ['a', 'b'])
      expect((await patch(token, { uiSettings: { [key]: 'x'.repeat(8_000) } })).status).toBe(200);
    const answer = await patch(token, { uiSettings: { c: 'x'.repeat(8_000) } });
    expect(answer).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/uiSettings', code: 'too_big' }] },
    });
  });

  it('are changed against the version that was read, where one is named', async () => {
    const { token } = await person();
    expect((await patch(token, { theme: 'dark' }, { 'if-match': '"0"' })).status).toBe(200);
    expect((await patch(token, { theme: 'light' }, { 'if-match': '"0"' })).status).toBe(412);
    expect((await patch(token, { theme: 'light' }, { 'if-match': 'trash' })).status).toBe(400);
    expect((await patch(token, { theme: 'system' }, { 'if-match': '*' })).status).toBe(200);
    expect((await read(token)).body).toMatchObject({ theme: 'system' });
  });

  it('lose no change of many at the same moment, the first ones included', async () => {
    const { id, token } = await person();
    const keys = Array.from({ length: 12 }, (_, i) => `key${i}`);
    const answers = await Promise.all(keys.map((key) => patch(token, { uiSettings: { [key]: key } })));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const { body, headers } = await read(token);
    expect(Object.keys(body['uiSettings'] as unknown as object).toSorted()).toEqual(keys.toSorted());
    expect(headers['etag']).toBe('"12"');
    expect(await app.sql('select 1 from user_preferences where user_id = $1', [id])).toHaveLength(1);
  });

  it('belong to one user: nobody else sees or changes them', async () => {
    const [mine, other] = [await person(), await person()];
    await patch(mine.token, { theme: 'dark' });
    expect((await read(other.token)).body).toEqual(DEFAULTS);
    expect((await app.call('GET', '/users/me/preferences')).status).toBe(401);
  });
});

describe('for other modules', () => {
  it('tell language and time zone', async () => {
    const { id, token } = await person();
    const { read: asSystem } = app.database.system('test');
    const preferences = app.get(UserPreferences);
    expect(await preferences.of(asSystem, id)).toEqual({ language: 'en', timezone: 'UTC' });
    await patch(token, { language: 'th', timezone: 'Asia/Bangkok' });
    expect(await preferences.of(asSystem, id)).toEqual({ language: 'th', timezone: 'Asia/Bangkok' });
  });

  it('are exported and erased with the person', async () => {
    const { id, token } = await person();
    const stored = (await patch(token, { preferences: { note: 'mine' } })).body;
    const hooks = app.get(AccountHooks);
    const exported = async () => {
      const records = [...hooks.exported(id)].find(({ name }) => name === 'preferences');
      const rows: object[] = [];
      for await (const row of records?.rows ?? []) rows.push(row);
      return rows;
    };
    expect(await exported()).toEqual([stored]);
    await app.database.system('test').tx((tx) => hooks.erased(tx, id, null));
    expect(await exported()).toEqual([]);
  });
});
