import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsApplication, type AccountsApplication } from '../../../test/harness/accounts-application.js';

let app: AccountsApplication;
beforeAll(async () => {
  app = await accountsApplication();
});
afterAll(async () => app.close());

const PASSWORD = 'parola, 비밀번호, رمز';

interface Tokens {
  readonly user: { readonly id: string; readonly email: string; readonly lastLoginAt: string | null };
  readonly accessToken: string;
  readonly refreshToken: string;
}

const register = (body: object) => app.call('POST', '/auth/register', { body });
const login = (identifier: string, password = PASSWORD) =>
  app.call('POST', '/auth/login', { body: { identifier, password } });

async function account(name: string): Promise<Tokens> {
  const { body } = await register({ email: `${name}@auth.test`, password: PASSWORD, username: name });
  return body as unknown as Tokens;
}

const audited = (action: string, userId: string) =>
  app.sql<{ result: string; details: object; user_id: string | null; session_id: string | null }>(
    `select result, details, user_id, session_id from audit_logs where action = $1 and resource_id = $2 order by id`,
    [action, userId],
  );

describe('registering', () => {
  it('makes an ordinary user who is logged in, and records it', async () => {
    const { status, body } = await register({
      email: 'سارا@مثال.ایران',
      password: PASSWORD,
      username: 'سارا',
      fullName: 'سارا',
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      tokenType: 'Bearer',
      expiresIn: 600,
      user: {
        email: 'سارا@مثال.ایران',
        username: 'سارا',
        role: 'user',
        isSuperuser: false,
        isVerified: false,
      },
    });
    expect(JSON.stringify(body)).not.toMatch(/argon2|password|emailKey/i);
    const { user, accessToken } = body as unknown as Tokens;
    expect((await app.call('GET', '/users/me', { token: accessToken })).body).toEqual(user);
    expect(await audited('user.create', user.id)).toMatchObject([{ user_id: null, result: 'success' }]);
    expect(await audited('auth.register', user.id)).toMatchObject([{ user_id: user.id }]);
  });

  it('lets one of many at the same moment have an address', async () => {
    const answers = await Promise.all(
      ['Race@Auth.test', 'race@auth.test', 'RACE@AUTH.TEST', 'ｒace@auth.test', 'race@ａuth.test'].map(
        (email) => register({ email, password: PASSWORD }),
      ),
    );
    expect(answers.map((one) => one.status).toSorted((a, b) => a - b)).toEqual([201, 409, 409, 409, 409]);
    const refused = answers.filter((one) => one.status === 409);
    for (const { body } of refused)
      expect(body).toMatchObject({
        code: 'email_taken',
        errors: [{ pointer: '/email', code: 'email_taken' }],
      });
    const rows = await app.sql(`select 1 from users where email_key = 'race@auth.test'`);
    expect(rows).toHaveLength(1);
  });

  it('leaves nothing behind when the username is taken', async () => {
    await account('first');
    const { status, body } = await register({
      email: 'second@auth.test',
      password: PASSWORD,
      username: 'FIRST',
    });
    expect({ status, body }).toMatchObject({
      status: 409,
      body: { code: 'username_taken', errors: [{ pointer: '/username' }] },
    });
    expect(await app.sql(`select 1 from users where email = 'second@auth.test'`)).toHaveLength(0);
  });

  it.each([
    [{ email: 'x@auth.test', password: PASSWORD, role: 'admin' }, '/role', 'unknown_field'],
    [{ email: 'x@auth.test', password: PASSWORD, id: 1 }, '/id', 'unknown_field'],
    [{ email: 'x@auth.test', password: PASSWORD, ownerId: 1 }, '/ownerId', 'unknown_field'],
    [{ email: 'x@auth.test', password: PASSWORD, isSuperuser: true }, '/isSuperuser', 'unknown_field'],
    [{ email: 'x@auth.test', password: PASSWORD, passwordHash: '$2b$' }, '/passwordHash', 'unknown_field'],
    [{ email: 'x@auth.test', password: PASSWORD, isVerified: true }, '/isVerified', 'unknown_field'],
    [{ email: 'x@auth.test', password: '7 chars' }, '/password', 'password_too_short'],
    [{ email: 'x@auth.test', password: 'x'.repeat(129) }, '/password', 'password_too_long'],
    [{ email: 'x@auth.test', password: 'Password1' }, '/password', 'password_common'],
    [{ email: 'rosalind@auth.test', password: 'Rosalind1920' }, '/password', 'password_personal'],
    [
      { email: 'x@auth.test', password: 'Curie1867', fullName: 'Marie Curie' },
      '/password',
      'password_personal',
    ],
    [{ email: 'x@auth.test', password: 12345678 }, '/password', 'invalid_type'],
    [{ email: 'x@auth.test' }, '/password', 'invalid_type'],
    [{ email: 'no address', password: PASSWORD }, '/email', 'email_invalid'],
    [{ email: 'x\u0000@auth.test', password: PASSWORD }, '/email', 'nul_character'],
    [{ email: `${'x'.repeat(250)}@auth.test`, password: PASSWORD }, '/email', 'too_big'],
    [{ email: `${'\ufb03'.repeat(100)}@auth.test`, password: PASSWORD }, '/email', 'email_too_long'],
    [{ email: 'x@auth.test', password: PASSWORD, username: 'раypal' }, '/username', 'username_mixed_scripts'],
    [{ email: 'x@auth.test', password: PASSWORD, username: 'a@b' }, '/username', 'username_invalid'],
    [{ email: 'x@auth.test', password: PASSWORD, fullName: 'a\nb' }, '/fullName', 'custom'],
  ])('refuses %j at %s', async (body, pointer, code) => {
    const answer = await register(body);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ pointer, code }] } });
  });
});

describe('logging in', () => {
  it('takes e-mail or username in any case, and stamps and records it', async () => {
    const { user } = await account('Sofía');
    for (const name of ['sofía', 'SOFÍA', 'Sofi\u0301a', 'SOFÍA@auth.TEST'])
      expect(await login(name)).toMatchObject({ status: 200, body: { user: { id: user.id } } });
    const rows = await app.sql<{ stamped: boolean }>(
      `select last_login_at > created_at as stamped from users where id = $1`,
      [user.id],
    );
    expect(rows[0]?.stamped).toBe(true);
    expect(await audited('auth.login', user.id)).toHaveLength(4);
  });

  it('answers one and the same for whatever is wrong; only the audit trail knows', async () => {
    const { user } = await account('known');
    const { user: inactive } = await account('inactive');
    await app.sql('update users set is_active = false where id = $1', [inactive.id]);
    const { user: passwordless } = await account('passwordless');
    await app.sql('update users set password_hash = null where id = $1', [passwordless.id]);
    const answers = await Promise.all([
      login('known', 'wrong password'),
      login('nobody-has-this-name'),
      login('not@@an address'),
      login('inactive'),
      login('passwordless'),
      login('known', ` ${PASSWORD}`),
    ]);
    const told = answers.map(({ status, body }) => ({ status, body: { ...body, requestId: '' } }));
    expect(told[0]).toMatchObject({ status: 401, body: { code: 'credentials_wrong' } });
    for (const one of told) expect(one).toEqual(told[0]);
    const failures = [{ result: 'failure', user_id: null, details: { reason: 'wrong_password' } }];
    expect(await audited('auth.login', user.id)).toMatchObject([...failures, ...failures]);
    expect(await audited('auth.login', inactive.id)).toMatchObject([{ details: { reason: 'inactive' } }]);
    const traces = await app.sql(
      `select 1 from audit_logs where details::text like '%nobody-has-this-name%'`,
    );
    expect(traces).toHaveLength(0);
  });

  it('refuses malformed requests before any password is looked at', async () => {
    const body = { identifier: 'known', password: PASSWORD, remember: true };
    expect((await app.call('POST', '/auth/login', { body })).status).toBe(400);
    expect(
      (await app.call('POST', '/auth/login', { body: { identifier: ['a'], password: {} } })).status,
    ).toBe(400);
    expect((await app.call('POST', '/auth/login', { body: null })).status).toBe(400);
  });
});

const sessions = async (token: string) =>
  (await app.call('GET', '/auth/sessions', { token })).body as unknown as {
    items: { id: string; isCurrent: boolean; userAgent: string | null }[];
    nextCursor: string | null;
  };

describe('sessions', () => {
  it('are listed with the current one marked, page by page', async () => {
    const first = await account('lister');
    const second = (await login('lister')).body as unknown as Tokens;
    await account('somebody-else');
    const { items } = await sessions(second.accessToken);
    expect(items.map((one) => one.isCurrent)).toEqual([true, false]);
    expect(items[1]?.id).toBe(first.refreshToken.split('.')[1]);
    const page = await app.call('GET', '/auth/sessions?limit=1', { token: second.accessToken });
    expect(page.body).toMatchObject({ items: [{ id: items[0]?.id }], nextCursor: items[0]?.id });
  });

  it('end one by one: 404 for those of others and for ended ones', async () => {
    const mine = await account('ender');
    const other = (await login('ender')).body as unknown as Tokens;
    const foreign = await account('foreigner');
    const end = (tokens: Tokens) =>
      app.call('DELETE', `/auth/sessions/${tokens.refreshToken.split('.')[1]}`, { token: mine.accessToken });
    expect((await end(foreign)).status).toBe(404);
    expect((await end(other)).status).toBe(204);
    expect((await end(other)).status).toBe(404);
    expect((await app.call('GET', '/users/me', { token: other.accessToken })).status).toBe(401);
    expect((await app.call('GET', '/users/me', { token: foreign.accessToken })).status).toBe(200);
    expect((await sessions(mine.accessToken)).items).toHaveLength(1);
  });

  it('end at once by logging out, all of them by logging out everywhere', async () => {
    const first = await account('leaver');
    const second = (await login('leaver')).body as unknown as Tokens;
    const third = (await login('leaver')).body as unknown as Tokens;
    expect((await app.call('POST', '/auth/logout', { token: first.accessToken })).status).toBe(204);
    expect((await app.call('GET', '/users/me', { token: first.accessToken })).body['code']).toBe(
      'session_ended',
    );
    expect((await app.call('GET', '/users/me', { token: second.accessToken })).status).toBe(200);
    expect((await app.call('POST', '/auth/logout-all', { token: second.accessToken })).status).toBe(204);
    for (const { accessToken } of [second, third])
      expect((await app.call('GET', '/users/me', { token: accessToken })).body['code']).toBe('session_ended');
    const rows = await app.sql<{ action: string }>(
      `select action from audit_logs where user_id = $1 and action like 'auth.logout%' order by id`,
      [first.user.id],
    );
    expect(rows.map((row) => row.action)).toEqual(['auth.logout', 'auth.logout_all']);
  });
});
