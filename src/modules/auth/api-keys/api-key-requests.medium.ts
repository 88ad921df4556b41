import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { newKey, newPerson, type Person } from '../../../../test/harness/key-holders.js';
import { until } from '../../../../test/harness/until.js';
import { newApiKey } from './api-key-form.js';

let app: AccountsApplication;
let owner: Person;

beforeAll(async () => {
  app = await accountsApplication();
  owner = await newPerson(app);
});
afterAll(async () => app.close());

const me = async (token: string): Promise<[number, string | undefined]> => {
  const { status, body } = await app.call('GET', '/users/me', { token });
  return [status, body['code']];
};
const rowOf = async (id: string): Promise<Record<string, unknown>> =>
  (await app.sql<Record<string, unknown>>(`select * from api_keys where id = $1`, [id]))[0]!;

describe('a request with a key', () => {
  it('acts for its owner where the key has the scope, and nowhere else', async () => {
    const { key, id } = await newKey(app, owner);
    const { status, body } = await app.call('GET', '/users/me', { token: key });
    expect([status, body['id']]).toEqual([200, owner.id]);
    const change = { token: key, body: { fullName: 'Changed' } };
    expect((await app.call('PATCH', '/users/me', change)).body['code']).toBe('scope_required');
    const { key: writing, id: writingId } = await newKey(app, owner, { scopes: ['profile:write'] });
    expect((await app.call('PATCH', '/users/me', { ...change, token: writing })).status).toBe(200);
    expect(await me(writing)).toEqual([403, 'scope_required']);
    const [entry] = await app.sql(
      `select actor_type, user_id, details ->> 'keyId' as key, session_id from audit_logs
        where action = 'user.update' and resource_id = $1 order by id desc limit 1`,
      [owner.id],
    );
    expect(entry).toEqual({ actor_type: 'api_key', user_id: owner.id, key: writingId, session_id: null });
    expect(id).not.toBe(writingId);
  });

  it('is refused for any text that is no key of ours, by its checksum mostly', async () => {
    const { key } = await newKey(app, owner);
    const [stw, name, secret] = key.split('_') as [string, string, string];
    const other = newApiKey().key;
    for (const text of [
      'stw_',
      'stw_x',
      other,
      key.slice(0, -1),
      `${key}0`,
      `${stw}_${name}_${Array.from(secret).toReversed().join('')}_000000`,
      'stw_' + 'a'.repeat(5000),
    ])
      expect([text, ...(await me(text))]).toEqual([text, 401, 'key_invalid']);
  });

  it('is refused when the name is right, the checksum too, and the secret is not', async () => {
    const { id } = await newKey(app, owner);
    const forged = newApiKey();
    await app.sql(`update api_keys set prefix = $2 where id = $1`, [id, forged.prefix]);
    expect(await me(forged.key)).toEqual([401, 'key_invalid']);
  });

  it('carries the challenge of 401, in any case of the scheme', async () => {
    const { headers } = await app.call('GET', '/users/me', { token: 'stw_nonsense' });
    expect(headers['www-authenticate']).toBe('Bearer');
    const { key } = await newKey(app, owner);
    const { status } = await app.call('GET', '/users/me', { headers: { authorization: `bEaReR  ${key}` } });
    expect(status).toBe(200);
    expect((await app.call('GET', '/users/me', { headers: { authorization: `Basic ${key}` } })).status).toBe(
      401,
    );
    expect((await app.call('GET', '/users/me', { headers: { authorization: key } })).status).toBe(401);
  });

  it('is no refresh token and no password (ASVS 9.2.2)', async () => {
    const { key } = await newKey(app, owner);
    const { body } = await app.call('POST', '/auth/refresh', { body: { refreshToken: key } });
    expect(body['code']).toBe('refresh_invalid');
  });

  it('is refused after the key has expired or was revoked, at the next request', async () => {
    const expiring = await newKey(app, owner);
    await app.sql(`update api_keys set expires_at = now() where id = $1`, [expiring.id]);
    expect(await me(expiring.key)).toEqual([401, 'key_expired']);
    const revoked = await newKey(app, owner);
    expect(await me(revoked.key)).toEqual([200, undefined]);
    const path = `/auth/api-keys/${revoked.id}`;
    expect((await app.call('DELETE', path, { token: owner.token })).status).toBe(204);
    expect(await me(revoked.key)).toEqual([401, 'key_ended']);
    expect((await app.call('DELETE', path, { token: owner.token })).status).toBe(404);
    const { body } = await app.call('GET', '/auth/api-keys?limit=100', { token: owner.token });
    const ids = (body['items'] as unknown as { id: string }[]).map(({ id }) => id);
    expect(ids).toContain(expiring.id);
    expect(ids).not.toContain(revoked.id);
  });

  it('has the role its owner has now, and no scope of more than that', async () => {
    const boss = await newPerson(app, 'admin');
    const { key } = await newKey(app, boss, { scopes: ['users:read', 'profile:read'] });
    const list = async () => app.call('GET', '/users', { token: key });
    expect((await list()).status).toBe(200);
    await app.sql(`update users set role = 'user' where id = $1`, [boss.id]);
    expect((await list()).body['code']).toBe('role_required');
    expect(await me(key)).toEqual([200, undefined]);
  });

  it.each([
    ['everywhere', [], true],
    ['this address', ['203.0.113.9', '127.0.0.1'], true],
    ['this network', ['127.0.0.0/8'], true],
    ['another network', ['203.0.113.0/24', '2001:db8::/32'], false],
    ['this address written in IPv6', ['::ffff:127.0.0.1'], true],
    ['the same machine in IPv6', ['::1'], false],
  ])('from %s', async (_, allowedNetworks, allowed) => {
    const { key } = await newKey(app, owner, { allowedNetworks });
    expect(await me(key)).toEqual(allowed ? [200, undefined] : [401, 'key_address_refused']);
  });

  it('notes when and from where, at most once a minute', async () => {
    const { key, id } = await newKey(app, owner);
    await Promise.all(Array.from({ length: 20 }, () => me(key)));
    const used = async (): Promise<unknown[]> => {
      const { last_used_at: at, last_used_ip: ip } = await rowOf(id);
      return [at, ip];
    };
    await until(async () => (await used())[0] !== null, { describe: 'the use to be noted' });
    const [first, ip] = await used();
    expect(ip).toBe('127.0.0.1');
    const writes = async () => (await app.sql(`select xmin from api_keys where id = $1`, [id]))[0];
    const before = await writes();
    await me(key);
    await me(key);
    expect(await writes()).toEqual(before);
    await app.sql(`update api_keys set last_used_at = now() - interval '61 seconds' where id = $1`, [id]);
    await me(key);
    await until(async () => ((await used())[0] as Date) >= (first as Date), { describe: 'the next use' });
  });
});
