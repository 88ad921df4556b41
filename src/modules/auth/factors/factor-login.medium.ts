import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import {
  PASSWORD,
  Person,
  StoppedClock,
  outcome,
  type Tokens,
} from '../../../../test/harness/factor-clients.js';
import { OperatorReset } from '../operator-reset.js';

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

const WRONG: [number, string] = [401, 'code_invalid'];
const CLOSED: [number, string] = [429, 'too_many_codes'];

/** Six digits that are none of the codes of about now. */
const wrongCode = (person: Person): string => {
  const near = [-2, -1, 0, 1, 2].map((steps) => person.code(steps));
  return ['000000', '000001', '000002', '000003', '000004', '000005'].find((code) => !near.includes(code))!;
};

describe('logging in with a second factor', () => {
  it('ASVS 6.3.3: asks for a code once the password is right, and takes it', async () => {
    const person = await Person.enrolled(app, clock);
    clock.pass(30);
    const asked = await person.login();
    expect(outcome(asked)).toEqual([401, 'mfa_required']);
    expect(asked.body).toMatchObject({ methods: ['totp', 'recovery_code'] });
    expect(asked.headers['content-type']).toMatch(/^application\/problem\+json/);
    const { status, body } = await person.login(person.code());
    expect(status).toBe(200);
    const { accessToken } = body as unknown as Tokens;
    expect((await app.call('GET', '/users/me', { token: accessToken })).status).toBe(200);
    expect(await person.audited('auth.login')).toMatchObject([
      { result: 'failure', details: { reason: 'code_missing' } },
      { result: 'success' },
    ]);
  });

  it('tells nobody without the password that there is a factor, and looks at no code', async () => {
    const [person, plain] = [await Person.enrolled(app, clock), await Person.register(app, clock)];
    clock.pass(30);
    const answers = await Promise.all([
      person.login(person.code(), 'wrong password'),
      person.login(wrongCode(person), 'wrong password'),
      person.login(undefined, 'wrong password'),
      plain.login('123456', 'wrong password'),
      app.call('POST', '/auth/login', {
        body: { identifier: 'nobody@factors.test', password: PASSWORD, code: '123456' },
      }),
    ]);
    const told = answers.map(({ status, body }) => ({ status, body: { ...body, requestId: '' } }));
    expect(told[0]).toMatchObject({ status: 401, body: { code: 'credentials_wrong' } });
    for (const one of told) expect(one).toEqual(told[0]);
    expect((await person.login(person.code())).status).toBe(200);
  });

  it('ignores a code of somebody without a factor', async () => {
    const person = await Person.register(app, clock);
    expect((await person.login('123456')).status).toBe(200);
    expect((await person.login('🔑')).status).toBe(200);
  });

  it.each([
    ['a number', 123456],
    ['null', null],
    ['nothing', ''],
    ['a list', ['123456']],
    ['an object', { $gt: '' }],
    ['65 characters', '1'.repeat(65)],
    ['a megabyte less a little', '1'.repeat(1_000_000)],
    ['U+0000', '12345\u0000'],
    ['half a character', '12345\ud800'],
  ])('refuses %s for a code, before the password is looked at', async (_, code) => {
    const person = await Person.register(app, clock);
    expect((await person.login(code)).status).toBe(400);
    expect(await person.audited('auth.login')).toEqual([]);
  });

  it('takes the digits of any script, with spaces', async () => {
    const person = await Person.enrolled(app, clock);
    const inScript = (zero: number): string =>
      Array.from(person.code(), (digit) => String.fromCodePoint(zero + Number(digit))).join('');
    // Persian, Thai, fullwidth and Devanagari zero.
    for (const zero of [0x6f0, 0xe50, 0xff10, 0x966]) {
      clock.pass(30);
      expect((await person.login(` ${inScript(zero)} `)).status).toBe(200);
    }
  });
});

describe('ASVS 6.5.1: a code counts once', () => {
  it('also within its 30 s, and the one that confirmed the factor counts no more either', async () => {
    const person = await Person.enrolled(app, clock);
    expect(outcome(await person.login(person.code()))).toEqual(WRONG);
    clock.pass(30);
    expect((await person.login(person.code())).status).toBe(200);
    expect(outcome(await person.login(person.code()))).toEqual(WRONG);
    clock.pass(29);
    expect(outcome(await person.login(person.code(-1)))).toEqual(WRONG);
    const faults = (await person.audited('auth.login')).map(({ details }) => details);
    expect(faults).toEqual([{ reason: 'used_code' }, {}, { reason: 'used_code' }, { reason: 'used_code' }]);
  });

  it('of 100 logins at the same moment exactly one succeeds', async () => {
    const person = await Person.enrolled(app, clock);
    clock.pass(30);
    const answers = await Promise.all(Array.from({ length: 100 }, () => person.login(person.code())));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    // All others were refused, by the code, by the limit of wrong ones or because too many were waiting.
    expect(statuses.filter((status) => ![200, 401, 429, 503].includes(status))).toEqual([]);
    expect(await app.sql('select 1 from sessions where user_id = $1', [person.id])).toHaveLength(2);
  });

  it('and so does a recovery code, of which 20 parallel uses succeed once', async () => {
    const person = await Person.enrolled(app, clock);
    const [first = '', second = ''] = person.recoveryCodes;
    expect((await person.login(first.toUpperCase().replaceAll('-', ' '))).status).toBe(200);
    expect(outcome(await person.login(first))).toEqual(WRONG);
    const answers = await Promise.all(Array.from({ length: 20 }, () => person.login(second)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(await person.told('auth.recovery_code_used')).toEqual([{ codesLeft: 9 }, { codesLeft: 8 }]);
    expect(await person.audited('factor.use_recovery_code')).toHaveLength(2);
    expect((await person.get('/auth/factors')).body).toMatchObject({
      isEnrolled: true,
      recoveryCodesLeft: 8,
    });
  });

  it('recovery codes run out, and are nobody else’s', async () => {
    const [person, other] = [await Person.enrolled(app, clock), await Person.enrolled(app, clock)];
    expect(outcome(await other.login(person.recoveryCodes[0]))).toEqual(WRONG);
    for (const code of person.recoveryCodes) expect((await person.login(code)).status).toBe(200);
    expect((await person.get('/auth/factors')).body).toMatchObject({ recoveryCodesLeft: 0 });
    for (const code of person.recoveryCodes.slice(0, 2))
      expect(outcome(await person.login(code))).toEqual(WRONG);
    clock.pass(30);
    expect((await person.login(person.code())).status).toBe(200);
  });
});

describe('ASVS 6.5.5: the clock of a phone', () => {
  it.each([-1, 0, 1])('may be %i steps off', async (steps) => {
    const person = await Person.enrolled(app, clock);
    clock.pass(60);
    expect((await person.login(person.code(steps))).status).toBe(200);
  });

  it.each([-2, 2, -100, 100])('may not be %i steps off', async (steps) => {
    const person = await Person.enrolled(app, clock);
    clock.pass(90);
    expect(outcome(await person.login(person.code(steps)))).toEqual(WRONG);
  });

  it('of a phone ahead never lets an older code count after a newer one', async () => {
    const person = await Person.enrolled(app, clock);
    clock.pass(60);
    expect((await person.login(person.code(1))).status).toBe(200);
    expect(outcome(await person.login(person.code(0)))).toEqual(WRONG);
    expect(outcome(await person.login(person.code(-1)))).toEqual(WRONG);
    clock.pass(60);
    expect((await person.login(person.code())).status).toBe(200);
  });
});

describe('ASVS 6.6.3: wrong codes', () => {
  it('are looked at five times in 15 minutes, from whatever process; then not even the right one is', async () => {
    const person = await Person.enrolled(app, clock);
    clock.pass(30);
    for (const code of [wrongCode(person), '12345', 'abc', '۱۲۳', 'aaaa-aaaa-aaaa-aaaa'])
      expect(outcome(await person.login(code))).toEqual(WRONG);
    const closed = await person.login(person.code());
    expect(outcome(closed)).toEqual(CLOSED);
    expect(Number(closed.headers['retry-after'])).toBeGreaterThan(14 * 60);
    expect(Number(closed.headers['retry-after'])).toBeLessThanOrEqual(15 * 60);
    const faults = (await person.audited('auth.login')).map(({ details }) => details);
    expect(faults).toEqual([
      ...Array.from({ length: 5 }, () => ({ reason: 'wrong_code' })),
      { reason: 'too_many_wrong_codes' },
    ]);
  });

  it('do not keep out the owner, who has recovery codes, while somebody else knows the password', async () => {
    const person = await Person.enrolled(app, clock);
    for (let i = 0; i < 6; i++) await person.login(wrongCode(person));
    expect((await person.login(person.recoveryCodes[0])).status).toBe(200);
    expect(outcome(await person.login('0000-0000-0000-0000'))).toEqual(CLOSED);
  });

  it('count for any 15 minutes, not for a fixed quarter of an hour', async () => {
    const person = await Person.enrolled(app, clock);
    const older = (minutes: number) =>
      app.sql(
        `update second_factors set wrong_codes_at =
           (select array_agg(t - make_interval(mins => $2) order by t) from unnest(wrong_codes_at) t) where user_id = $1`,
        [person.id, minutes],
      );
    await person.login(wrongCode(person));
    await older(10);
    for (let i = 0; i < 4; i++) expect(outcome(await person.login(wrongCode(person)))).toEqual(WRONG);
    expect(outcome(await person.login(wrongCode(person)))).toEqual(CLOSED);
    await older(6);
    // The first is 16 minutes old now: one more is looked at, and closes the door again.
    expect(outcome(await person.login(wrongCode(person)))).toEqual(WRONG);
    expect(outcome(await person.login(wrongCode(person)))).toEqual(CLOSED);
  });

  it('are looked at five times when 40 come at the same moment', async () => {
    const person = await Person.enrolled(app, clock);
    const code = wrongCode(person);
    const answers = await Promise.all(Array.from({ length: 40 }, () => person.login(code)));
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(35);
  });

  it('are forgiven by a right one', async () => {
    const person = await Person.enrolled(app, clock);
    for (let round = 0; round < 3; round++) {
      clock.pass(30);
      for (let i = 0; i < 4; i++) expect(outcome(await person.login(wrongCode(person)))).toEqual(WRONG);
      expect((await person.login(person.code())).status).toBe(200);
    }
  });
});

describe('ASVS 6.4.3: another password', () => {
  it('does not skip the second factor', async () => {
    const person = await Person.enrolled(app, clock);
    clock.pass(30);
    const reset = await app.get(OperatorReset).reset(person.email);
    const password = reset!.oneTimePassword;
    expect(outcome(await person.login(undefined, password))).toEqual([401, 'mfa_required']);
    expect((await person.login(person.code(), password)).status).toBe(200);
  });
});

it('a refused code leaves no session and no login time behind', async () => {
  const person = await Person.enrolled(app, clock);
  const before = await app.sql('select last_login_at from users where id = $1', [person.id]);
  await person.login();
  await person.login(wrongCode(person));
  expect(await app.sql('select last_login_at from users where id = $1', [person.id])).toEqual(before);
  expect(await app.sql('select 1 from sessions where user_id = $1', [person.id])).toHaveLength(1);
});

it('an account that is not active learns nothing of its factor', async () => {
  const person = await Person.enrolled(app, clock);
  clock.pass(30);
  await app.sql('update users set is_active = false where id = $1', [person.id]);
  expect(outcome(await person.login())).toEqual([401, 'credentials_wrong']);
  expect(outcome(await person.login(person.code()))).toEqual([401, 'credentials_wrong']);
});
