import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  TEST_SECRET,
  accountsApplication,
  type AccountsApplication,
  type Answer,
} from '../../../../test/harness/accounts-application.js';
import { newKey, newPerson, type Person } from '../../../../test/harness/key-holders.js';
import { Keyring } from '../../../kernel/crypto/index.js';
import { Database } from '../../../kernel/database/index.js';
import { AccountHooks } from '../../users/index.js';
import { newApiKey } from './api-key-form.js';

let app: AccountsApplication;
let owner: Person;
let admin: Person;

beforeAll(async () => {
  app = await accountsApplication();
  [owner, admin] = [await newPerson(app), await newPerson(app, 'admin')];
});
afterAll(async () => app.close());

const post = (token: string, body: object, headers: Record<string, string> = {}): Promise<Answer> =>
  app.call('POST', '/auth/api-keys', { token, body, headers });
const me = async (token: string): Promise<[number, string | undefined]> => {
  const { status, body } = await app.call('GET', '/users/me', { token });
  return [status, body['code']];
};
const rowOf = async (id: string): Promise<Record<string, unknown>> =>
  (await app.sql<Record<string, unknown>>(`select * from api_keys where id = $1`, [id]))[0]!;

describe('making a key', () => {
  it('shows it once and stores a keyed hash of it', async () => {
    const made = await newKey(app, owner, {
      name: 'nightly backup ۲',
      scopes: ['profile:read', 'profile:read'],
    });
    expect(made.key).toMatch(/^stw_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}_[0-9A-Za-z]{6}$/);
    expect(made.key.startsWith(made.prefix)).toBe(true);
    expect(made.scopes).toEqual(['profile:read']);
    const row = await rowOf(made.id);
    const hash = createHmac('sha256', new Keyring(TEST_SECRET).derive('api key hash')).update(made.key);
    expect(row['key_hash']).toEqual(hash.digest());
    const secret = made.key.split('_')[2]!;
    const tables = await app.sql<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')`,
    );
    for (const { name } of tables)
      expect([name, await app.sql(`select 1 from ${name} t where t::text like $1`, [`%${secret}%`])]).toEqual(
        [name, []],
      );
    const list = await app.call('GET', '/auth/api-keys', { token: owner.token });
    expect(JSON.stringify(list.body)).not.toContain(secret);
    expect((list.body['items'] as unknown as { id: string }[]).find(({ id }) => id === made.id)).toEqual({
      id: made.id,
      name: 'nightly backup ۲',
      prefix: made.prefix,
      scopes: ['profile:read'],
      allowedNetworks: [],
      createdAt: expect.any(String) as string,
      expiresAt: made.expiresAt,
      lastUsedAt: null,
      lastUsedIp: null,
    });
  });

  it('lets it expire in 90 days, at the moment that is asked for, or never when that is said', async () => {
    const days = (at: string | null): number => (Date.parse(at!) - Date.now()) / 86_400_000;
    expect(days((await newKey(app, owner)).expiresAt)).toBeCloseTo(90, 1);
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
    expect((await newKey(app, owner, { expiresAt })).expiresAt).toBe(expiresAt);
    expect((await newKey(app, owner, { expiresAt: null })).expiresAt).toBeNull();
  });

  it.each([
    ['no name', { name: '' }, '/name'],
    ['a name of 101 characters', { name: 'ก'.repeat(101) }, '/name'],
    ['a name that turns the line around', { name: 'a\u202eb' }, '/name'],
    ['a name that is a number', { name: 3 }, '/name'],
    ['no scopes', { scopes: [] }, '/scopes'],
    ['scopes that are a text', { scopes: 'profile:read' }, '/scopes'],
    ['a scope of no route', { scopes: ['profile:read', 'profile:admin'] }, '/scopes/1'],
    ['a scope that only routes of admins ask for', { scopes: ['users:read'] }, '/scopes/0'],
    ['the scope that is for people', { scopes: ['session'] }, '/scopes/0'],
    ['a wildcard', { scopes: ['*'] }, '/scopes/0'],
    ['a scope in another case', { scopes: ['Profile:read'] }, '/scopes/0'],
    ['a prototype for a scope', { scopes: ['__proto__'] }, '/scopes/0'],
    ['too many scopes', { scopes: Array.from({ length: 101 }, () => 'profile:read') }, '/scopes'],
    ['a moment of the past', { expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
    ['a moment without a zone', { expiresAt: '2099-01-01T00:00:00' }, '/expiresAt'],
    ['a network that is none', { allowedNetworks: ['10.0.0.0/33'] }, '/allowedNetworks/0'],
    ['a host name for a network', { allowedNetworks: ['example.org'] }, '/allowedNetworks/0'],
    ['an owner', { userId: crypto.randomUUID() }, '/userId'],
    ["a key of one's own", { key: newApiKey().key }, '/key'],
  ])('is refused with %s', async (_, changes, pointer) => {
    const { status, body } = await post(owner.token, { name: 'key', scopes: ['profile:read'], ...changes });
    expect(status).toBe(400);
    expect((body['errors'] as unknown as { pointer: string }[]).map((error) => error.pointer)).toEqual([
      pointer,
    ]);
  });

  it('gives admins the scopes of admins', async () => {
    expect((await newKey(app, admin, { scopes: ['users:read', 'audit:read'] })).scopes).toEqual([
      'audit:read',
      'users:read',
    ]);
  });

  it('asks for a login of the last ten minutes (ASVS 7.5.1)', async () => {
    const late = await newPerson(app);
    await app.sql(`update sessions set authenticated_at = now() - interval '11 minutes' where user_id = $1`, [
      late.id,
    ]);
    const { status, body } = await post(late.token, { name: 'key', scopes: ['profile:read'] });
    expect([status, body['code']]).toEqual([403, 'reauth_required']);
  });

  it('is for people: no key makes, lists or revokes keys', async () => {
    const { key, id } = await newKey(app, owner, { scopes: ['profile:read', 'profile:write'] });
    for (const [method, path] of [
      ['POST', '/auth/api-keys'],
      ['GET', '/auth/api-keys'],
      ['DELETE', `/auth/api-keys/${id}`],
    ] as const) {
      const { status, body } = await app.call(method, path, { token: key });
      expect([method, status, body['code']]).toEqual([method, 403, 'session_required']);
    }
  });

  it('replayed by its Idempotency-Key makes no second one and does not show the key again', async () => {
    const headers = { 'idempotency-key': crypto.randomUUID() };
    const body = { name: 'once', scopes: ['profile:read'] };
    const answers = await Promise.all(Array.from({ length: 5 }, () => post(owner.token, body, headers)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    const keys = answers.map(({ body: { key } }) => key as unknown as string | null);
    expect(keys.filter((key) => key !== null)).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.body['id'])).size).toBe(1);
    const shown = answers.find((answer) => answer.body['key'] !== null)!;
    const again = await post(owner.token, body, headers);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect(again.body).toEqual({ ...shown.body, key: null });
    expect((await post(owner.token, { ...body, name: 'other' }, headers)).status).toBe(422);
    expect(await me(shown.body['key'] as unknown as string)).toEqual([200, undefined]);
  });

  it('stops at 50 live ones, also for many at the same moment; expired and revoked ones do not count', async () => {
    const busy = await newPerson(app);
    const first = await newKey(app, busy);
    await app.sql(
      `insert into api_keys (id, user_id, name, prefix, key_hash, scopes, expires_at)
       select gen_random_uuid(), user_id, name, 'stw_many' || n || right(id::text, 6), key_hash, scopes,
              case when n > 46 then now() end
         from api_keys, generate_series(1, 100) n where id = $1`,
      [first.id],
    );
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => post(busy.token, { name: 'key', scopes: ['profile:read'] })),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      201, 201, 201, 409, 409, 409, 409, 409,
    ]);
    expect(answers.find(({ status }) => status === 409)?.body['code']).toBe('too_many_keys');
    await app.call('DELETE', `/auth/api-keys/${first.id}`, { token: busy.token });
    expect((await post(busy.token, { name: 'key', scopes: ['profile:read'] })).status).toBe(201);
  });

  it('is recorded with its scopes and without the key', async () => {
    const { id, key } = await newKey(app, owner);
    await app.call('DELETE', `/auth/api-keys/${id}`, { token: owner.token });
    const entries = await app.sql<{ action: string; details: object }>(
      `select action, details, actor_type from audit_logs where resource_id = $1 order by id`,
      [id],
    );
    expect(entries.map(({ action }) => action)).toEqual(['api_key.create', 'api_key.revoke']);
    expect(JSON.stringify(entries)).not.toContain(key.split('_')[2]);
    expect(entries[0]?.details).toMatchObject({ scopes: ['profile:read'] });
  });
});

describe('whose key it is', () => {
  it('is known to its owner alone: for others it does not exist (ASVS 8.2.2)', async () => {
    const { id, key } = await newKey(app, owner);
    const other = await newPerson(app);
    for (const token of [other.token, admin.token]) {
      expect((await app.call('DELETE', `/auth/api-keys/${id}`, { token })).status).toBe(404);
      const { body } = await app.call('GET', '/auth/api-keys?limit=100', { token });
      expect(JSON.stringify(body)).not.toContain(id);
    }
    expect(await me(key)).toEqual([200, undefined]);
  });

  it('ends with the account, and does not come back with it', async () => {
    const leaving = await newPerson(app);
    const { key, id } = await newKey(app, leaving);
    const change = (isActive: boolean) =>
      app.call('PATCH', `/users/${leaving.id}`, { token: admin.token, body: { isActive } });
    expect((await change(false)).status).toBe(200);
    expect(await me(key)).toEqual([401, 'key_ended']);
    await change(true);
    expect(await me(key)).toEqual([401, 'key_ended']);
    expect(await rowOf(id)).toMatchObject({ revoked_reason: 'deactivated' });
  });

  it('is refused for an inactive owner even when nothing has revoked it', async () => {
    const leaving = await newPerson(app);
    const { key } = await newKey(app, leaving);
    await app.sql(`update users set is_active = false where id = $1`, [leaving.id]);
    expect(await me(key)).toEqual([401, 'key_ended']);
  });

  it('is part of what a person can take along, without secrets, and goes with the person', async () => {
    const leaving = await newPerson(app);
    const { key, id, prefix } = await newKey(app, leaving, { name: 'کلید' });
    const archive = new Map<string, object[]>();
    for (const { name, rows } of app.get(AccountHooks).exported(leaving.id)) {
      const all: object[] = [];
      for await (const row of rows) all.push(row);
      archive.set(name, all);
    }
    expect(archive.get('api-keys')).toEqual([
      expect.objectContaining({ id, prefix, name: 'کلید', scopes: ['profile:read'], revokedAt: null }),
    ]);
    const text = JSON.stringify([...archive]);
    expect(text).not.toContain(key.split('_')[2]);
    expect(text).not.toMatch(/hash/i);
    await app
      .get(Database)
      .system('test')
      .tx((tx) => app.get(AccountHooks).erased(tx, leaving.id, null));
    expect(await app.sql(`select 1 from api_keys where user_id = $1`, [leaving.id])).toEqual([]);
    expect(await me(key)).toEqual([401, 'key_invalid']);
  });
});
