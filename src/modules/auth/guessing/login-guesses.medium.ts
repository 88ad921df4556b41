import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
  type Answer,
} from '../../../../test/harness/accounts-application.js';

const PASSWORD = 'parola, 비밀번호, رمز';
const WRONG = 'not the password at all';
const MINUTE = 60_000;

interface Login {
  readonly identifier: string;
  readonly password?: string;
  readonly deviceToken?: string | undefined;
  readonly from?: string;
}

/** Each address is another client behind a trusted proxy. */
const sender = (app: AccountsApplication) => ({
  login: ({ identifier, password = PASSWORD, deviceToken, from = '198.51.100.1' }: Login): Promise<Answer> =>
    app.call('POST', '/auth/login', {
      body: { identifier, password, ...(deviceToken === undefined ? {} : { deviceToken }) },
      headers: { 'x-forwarded-for': from },
    }),
  account: async (name: string): Promise<{ id: string; deviceToken: string }> => {
    const body = { email: `${name}@guess.test`, username: name, password: PASSWORD };
    await app.call('POST', '/auth/register', { body, headers: { 'x-forwarded-for': '203.0.113.200' } });
    const answer = await sender(app).login({ identifier: name, from: '203.0.113.201' });
    const { user, deviceToken } = answer.body as unknown as { user: { id: string }; deviceToken: string };
    return { id: user.id, deviceToken };
  },
});

const LIMITS = {
  STEWARD_TRUSTED_PROXIES: 'loopback',
  STEWARD_LOGIN_LIMIT_ADDRESS: '10',
  STEWARD_LOGIN_LIMIT_ACCOUNT: '5',
  STEWARD_GUESS_LIMIT_ADDRESS: '3',
};

const told = ({ status, body, headers }: Answer) => ({
  status,
  code: body['code'],
  wait: headers['retry-after'] as string | undefined,
});
const codes = (answers: readonly Answer[]): unknown[] =>
  answers.map(({ body, status }) => body['code'] ?? status);

/** The code or status of so many logins, one after the other. */
async function inTurn(count: number, login: (n: number) => Promise<Answer>): Promise<unknown[]> {
  const answers: Answer[] = [];
  for (let n = 0; n < count; n++) answers.push(await login(n));
  return codes(answers);
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

let app: AccountsApplication;
let { login, account } = {} as ReturnType<typeof sender>;
beforeAll(async () => {
  app = await accountsApplication(LIMITS);
  ({ login, account } = sender(app));
});
afterAll(() => app.close());
/** Counters end by the wall clock: it alone is moved, the timers of the servers run on. */
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());
const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

describe('guessing from one address (S1-38, C28, ASVS 6.1.1, 6.3.1)', () => {
  it('ends with the 11th wrong login within 5 minutes: 429 with the time to wait', async () => {
    const guess = (n: number) =>
      login({ identifier: `somebody-${n}`, password: WRONG, from: '198.51.100.10' });
    expect(await inTurn(11, guess)).toEqual([...times(10, 'credentials_wrong'), 'login_throttled']);
    const refused = await guess(99);
    expect(refused.status).toBe(429);
    expect(refused.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    const wait = Number(refused.headers['retry-after']);
    expect(wait).toBeGreaterThan(280);
    expect(wait).toBeLessThanOrEqual(300);
    expect((await login({ identifier: 'somebody-1', password: WRONG, from: '198.51.100.11' })).status).toBe(
      401,
    );
    pass(5 * MINUTE);
    expect((await guess(100)).status).toBe(401);
  });

  it('does not count right logins', async () => {
    await account('often');
    const logins = await inTurn(15, () => login({ identifier: 'often', from: '198.51.100.12' }));
    expect(logins).toEqual(times(15, 200));
  });

  it('is not reset by logging in to an account of one’s own in between', async () => {
    await account('mallory');
    const seen = await inTurn(21, (n) =>
      n % 2 === 0
        ? login({ identifier: `victim-${n}`, password: WRONG, from: '198.51.100.13' })
        : login({ identifier: 'mallory', from: '198.51.100.13' }),
    );
    expect(seen.filter((one) => one === 'credentials_wrong')).toHaveLength(10);
    expect(seen.at(-1)).toBe('login_throttled');
  });

  it('counts all addresses of an IPv6 /64 as one', async () => {
    const seen = await inTurn(11, (n) =>
      login({ identifier: `six-${n}`, password: WRONG, from: `2001:db8:0:1::${n}` }),
    );
    expect(seen.at(-1)).toBe('login_throttled');
    expect((await login({ identifier: 'six-1', password: WRONG, from: '2001:db8:0:2::1' })).status).toBe(401);
  });

  it('does not shut the address for tries that were refused before any password was looked at', async () => {
    const guess = () => login({ identifier: 'shut-account', password: WRONG, from: '198.51.100.14' });
    expect(await inTurn(30, guess)).toEqual([
      ...times(5, 'credentials_wrong'),
      ...times(25, 'login_throttled'),
    ]);
    const seen = await inTurn(5, (n) =>
      login({ identifier: `other-${n}`, password: WRONG, from: '198.51.100.14' }),
    );
    expect(seen).toEqual(times(5, 'credentials_wrong'));
  });
});

describe('guessing at one account from many addresses', () => {
  const from = (n: number): string => `192.0.2.${n}`;

  it('has five tries in 15 minutes and then waits longer each time, whoever asks', async () => {
    await account('target');
    const guess = (n: number) => login({ identifier: 'target', password: WRONG, from: from(n) });
    expect(await inTurn(6, guess)).toEqual([...times(5, 'credentials_wrong'), 'login_throttled']);
    const waits: number[] = [];
    for (const minutes of [1, 2, 4]) {
      const refused = await guess(20);
      expect(refused.body['code']).toBe('login_throttled');
      waits.push(Math.ceil(Number(refused.headers['retry-after']) / 60));
      pass(minutes * MINUTE);
      expect((await guess(21)).status).toBe(401);
    }
    expect(waits).toEqual([1, 2, 4]);
    pass(8 * MINUTE);
    expect((await login({ identifier: 'target', from: from(22) })).status).toBe(200); // the owner, after the wait
  });

  it('lets five of a hundred at the same moment be checked', async () => {
    await account('stormed');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        login({ identifier: 'stormed', password: `${WRONG} ${n}`, from: from(n + 100) }),
      ),
    );
    const checked = await app.sql(
      `select 1 from audit_logs where action = 'auth.login' and details->>'reason' = 'wrong_password'
       and resource_id = (select id::text from users where username = 'stormed')`,
    );
    expect(checked).toHaveLength(5);
    expect(codes(answers).filter((code) => code === 'login_throttled')).toHaveLength(95);
  });

  it('is answered the same for accounts there are not (ASVS 6.3.8)', async () => {
    await account('present');
    const tries = async (identifier: string, first: number) => {
      const answers: Answer[] = [];
      for (let n = 0; n < 7; n++)
        answers.push(await login({ identifier, password: WRONG, from: from(first + n) }));
      return answers.map(told);
    };
    const known = await tries('present', 30);
    expect(known.map(({ code }) => code)).toEqual([
      ...times(5, 'credentials_wrong'),
      ...times(2, 'login_throttled'),
    ]);
    expect(await tries('absent', 40)).toEqual(known);
    expect(await tries('@@ not a name @@', 50)).toEqual(known);
    expect((await login({ identifier: 'PRESENT', password: WRONG, from: from(60) })).status).toBe(429);
  });

  it('tells the owner once, and records it', async () => {
    const { id } = await account('told');
    const guess = (n: number) => login({ identifier: 'told', password: WRONG, from: from(n) });
    const reports = () =>
      Promise.all([
        app.sql<{ data: object }>(
          `select data from events where type = 'auth.login_guessed' and user_id = $1`,
          [id],
        ),
        app.sql(`select 1 from audit_logs where action = 'auth.login_throttled' and resource_id = $1`, [id]),
      ]);
    await inTurn(4, guess);
    expect(await reports()).toEqual([[], []]);
    await inTurn(10, (n) => guess(n + 4));
    pass(MINUTE);
    await guess(80);
    const [events, audited] = await reports();
    expect(events).toEqual([{ data: { ipAddress: '192.0.2.4' } }]);
    expect(audited).toHaveLength(1);
    pass(15 * MINUTE);
    await inTurn(5, (n) => guess(n + 90));
    expect((await reports())[0]).toHaveLength(2);
  });
});

describe('a device that has logged in before', () => {
  it('lets its owner in while somebody guesses, also from the same address', async () => {
    const { deviceToken } = await account('owner');
    const attack = (from: string) => inTurn(15, () => login({ identifier: 'owner', password: WRONG, from }));
    for (const from of ['198.51.100.30', '198.51.100.31']) {
      expect((await attack(from)).at(-1)).toBe('login_throttled');
      expect((await login({ identifier: 'owner', from })).status).toBe(429);
      const own = await login({ identifier: 'owner', deviceToken, from });
      expect(own.status).toBe(200);
      // The answer renews it for the same device.
      const renewed = own.body['deviceToken'] as unknown as string;
      expect(renewed.split('.').slice(1, 3)).toEqual(deviceToken.split('.').slice(1, 3));
      expect((await login({ identifier: 'owner@guess.test', deviceToken: renewed, from })).status).toBe(200);
    }
  });

  it('has a budget of its own, or a stolen token would open the way for guessing', async () => {
    const { deviceToken } = await account('robbed');
    const guess = () => login({ identifier: 'robbed', password: WRONG, deviceToken, from: '198.51.100.32' });
    expect(await inTurn(7, guess)).toEqual([
      ...times(5, 'credentials_wrong'),
      ...times(2, 'login_throttled'),
    ]);
    expect((await login({ identifier: 'robbed', from: '198.51.100.33' })).status).toBe(200);
  });

  it('is none to another account, nor with a forged token', async () => {
    const { deviceToken } = await account('attacker');
    await account('attacked');
    const forged = deviceToken.slice(0, -2) + (deviceToken.endsWith('AA') ? 'BB' : 'AA');
    const seen = await inTurn(12, (n) =>
      login({
        identifier: 'attacked',
        password: WRONG,
        deviceToken: n % 3 === 0 ? forged : n % 3 === 1 ? deviceToken : 'ไม่มี',
        from: `198.51.100.${n + 40}`,
      }),
    );
    expect(seen).toEqual([...times(5, 'credentials_wrong'), ...times(7, 'login_throttled')]);
  });

  it('says nothing to those who do not know the password', async () => {
    const wrong = await login({ identifier: 'owner', password: WRONG, from: '198.51.100.60' });
    expect(wrong.body).not.toHaveProperty('deviceToken');
  });
});

describe('wrong tokens and passwords elsewhere (ASVS 6.6.3)', () => {
  it('refresh tokens we never made: the fourth of an address is 429, right ones always pass', async () => {
    const { body } = await app.call('POST', '/auth/register', {
      body: { email: 'refresher@guess.test', password: PASSWORD },
      headers: { 'x-forwarded-for': '198.51.100.70' },
    });
    const refresh = (refreshToken: string) =>
      app.call('POST', '/auth/refresh', {
        body: { refreshToken },
        headers: { 'x-forwarded-for': '198.51.100.70' },
      });
    expect(codes([await refresh('x'), await refresh('y'), await refresh('z'), await refresh('x')])).toEqual([
      ...times(3, 'refresh_invalid'),
      'too_many_guesses',
    ]);
    const right = await Promise.all(times(50, body['refreshToken'] as unknown as string).map(refresh));
    expect(codes(right)).toEqual(times(50, 200));
  });

  it('mailed codes: the fourth wrong one of an address is 429, whatever it was for', async () => {
    const use = (path: string, more = {}) =>
      app.call('POST', path, {
        body: { token: 'x'.repeat(43), ...more },
        headers: { 'x-forwarded-for': '198.51.100.72' },
      });
    const reset = () => use('/auth/password/reset', { newPassword: 'an altogether different sentence' });
    expect(
      codes([await use('/auth/email/verify'), await use('/auth/email/undo'), await reset(), await reset()]),
    ).toEqual([...times(3, 'token_invalid'), 'too_many_guesses']);
  });

  it('the current password when changing it: after five wrong ones even the right one waits', async () => {
    await account('changer');
    const { accessToken: token } = (await login({ identifier: 'changer', from: '198.51.100.71' }))
      .body as unknown as { accessToken: string };
    const change = (currentPassword: string) =>
      app.call('POST', '/auth/password/change', {
        token,
        body: { currentPassword, newPassword: 'an altogether different sentence' },
      });
    expect(await inTurn(6, () => change(WRONG))).toEqual([
      ...times(5, 'validation_failed'),
      'too_many_guesses',
    ]);
    expect((await change(PASSWORD)).status).toBe(429);
    pass(MINUTE);
    expect((await change(PASSWORD)).status).toBe(204);
  });
});
