import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { Person, StoppedClock, outcome, type Tokens } from '../../../../test/harness/factor-clients.js';

let app: AccountsApplication;
let clock: StoppedClock;
beforeAll(async () => {
  app = await accountsApplication();
  clock = new StoppedClock(app);
});
afterAll(async () => {
  clock.restore();
  await app.close();
});
beforeEach(() => clock.reset());

/** Demands a recent login. */
const sensitive = (person: Person) => person.post('/auth/factors/totp');
const me = async (token: string): Promise<number> => (await app.call('GET', '/users/me', { token })).status;

describe('ASVS 7.5.1: what could take an account over', () => {
  it('needs a login of the last ten minutes', async () => {
    const person = await Person.register(app, clock);
    await person.age(9);
    expect((await sensitive(person)).status).toBe(201);
    await person.age(2);
    const refused = await sensitive(person);
    expect(outcome(refused)).toEqual([403, 'reauth_required']);
    expect(refused.body).toMatchObject({
      methods: ['password'],
      detail: expect.stringContaining('/api/auth/reauthenticate'),
    });
    expect((await person.get('/users/me')).status).toBe(200);
  });

  it('goes by the clock, too', async () => {
    const person = await Person.register(app, clock);
    clock.pass(10 * 60 + 5);
    expect(outcome(await sensitive(person))[1]).toBe('reauth_required');
  });
});

describe('proving once more who one is', () => {
  it('ASVS 7.2.4: gives new tokens in place of the old ones, which are worth nothing', async () => {
    const person = await Person.register(app, clock);
    const elsewhere = ((await person.login()).body as unknown as Tokens).accessToken;
    await person.age(60);
    const old = person.token;
    const { status, body } = await person.reauthenticate();
    expect(status).toBe(200);
    expect(body).toMatchObject({ user: { id: person.id }, tokenType: 'Bearer', expiresIn: 600 });
    const { accessToken, refreshToken } = body as unknown as Tokens;
    person.token = accessToken;
    expect([await me(old), await me(accessToken), await me(elsewhere)]).toEqual([401, 200, 200]);
    expect((await sensitive(person)).status).toBe(201);
    expect((await app.call('POST', '/auth/refresh', { body: { refreshToken } })).status).toBe(200);
    // The other session is as old as it was.
    person.token = elsewhere;
    expect(outcome(await sensitive(person))[1]).toBe('reauth_required');
    expect(await person.audited('auth.reauthenticate')).toMatchObject([
      { result: 'success', user_id: person.id },
    ]);
    const rows = await app.sql(
      `select 1 from sessions where user_id = $1 and revoked_reason = 'reauthenticated'`,
      [person.id],
    );
    expect(rows).toHaveLength(1);
  });

  it('takes the password of the person, nothing else, and records a wrong one', async () => {
    const person = await Person.register(app, clock);
    await person.age(60);
    expect(outcome(await person.reauthenticate(undefined, 'wrong password'))).toEqual([
      401,
      'credentials_wrong',
    ]);
    expect(outcome(await sensitive(person))[1]).toBe('reauth_required');
    expect(await person.audited('auth.reauthenticate')).toMatchObject([
      { result: 'failure', user_id: person.id, details: { reason: 'wrong_password' } },
    ]);
    await app.sql('update users set password_hash = null where id = $1', [person.id]);
    expect(outcome(await person.reauthenticate())).toEqual([401, 'credentials_wrong']);
  });

  it('takes a code, too, where a factor is set up; the same limits hold as for logins', async () => {
    const person = await Person.enrolled(app, clock);
    await person.age(60);
    clock.pass(30);
    const asked = await person.reauthenticate();
    expect(outcome(asked)).toEqual([401, 'mfa_required']);
    expect(asked.body).toMatchObject({ methods: ['totp', 'recovery_code'] });
    for (let i = 0; i < 5; i++)
      expect(outcome(await person.reauthenticate('abc'))).toEqual([401, 'code_invalid']);
    expect(outcome(await person.reauthenticate(person.code()))).toEqual([429, 'too_many_codes']);
    expect(outcome(await person.login(person.code()))).toEqual([429, 'too_many_codes']);
    expect(outcome(await sensitive(person))[1]).toBe('reauth_required');
    const { status, body } = await person.reauthenticate(person.recoveryCodes[0]);
    expect(status).toBe(200);
    person.token = (body as unknown as Tokens).accessToken;
    expect((await sensitive(person)).status).toBe(201);
    expect(await person.told('auth.recovery_code_used')).toEqual([{ codesLeft: 9 }]);
    const reasons = (await person.audited('auth.reauthenticate')).map(({ details }) => details);
    expect(reasons).toEqual([
      { reason: 'code_missing' },
      ...Array.from({ length: 5 }, () => ({ reason: 'wrong_code' })),
      { reason: 'too_many_wrong_codes' },
      {},
    ]);
  });

  it('spends a code like a login does', async () => {
    const person = await Person.enrolled(app, clock);
    clock.pass(30);
    const { body } = await person.reauthenticate(person.code());
    person.token = (body as unknown as Tokens).accessToken;
    expect(outcome(await person.reauthenticate(person.code()))).toEqual([401, 'code_invalid']);
    expect(outcome(await person.login(person.code()))).toEqual([401, 'code_invalid']);
  });

  it('at the same moment gives one successor', async () => {
    const person = await Person.register(app, clock);
    const answers = await Promise.all(Array.from({ length: 5 }, () => person.reauthenticate()));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, 401, 401, 401, 401]);
    expect(
      await app.sql('select 1 from sessions where user_id = $1 and revoked_at is null', [person.id]),
    ).toHaveLength(1);
  });

  it('needs a login to begin with', async () => {
    const answer = await app.call('POST', '/auth/reauthenticate', { body: { password: 'something' } });
    expect(outcome(answer)).toEqual([401, 'token_missing']);
  });

  it.each([{}, { password: 1 }, { password: 'x', code: 123456 }, { password: 'x', role: 'admin' }])(
    'refuses %j',
    async (body) => {
      const person = await Person.register(app, clock);
      expect((await person.post('/auth/reauthenticate', body)).status).toBe(400);
    },
  );
});
