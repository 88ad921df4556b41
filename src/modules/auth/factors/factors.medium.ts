import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { Person, StoppedClock, outcome, type Tokens } from '../../../../test/harness/factor-clients.js';
import { newKey } from '../../../../test/harness/key-holders.js';
import { OperatorFactors } from './operator-factors.js';

let app: AccountsApplication;
let clock: StoppedClock;
beforeAll(async () => {
  app = await accountsApplication({ STEWARD_MFA_REQUIRED_ROLES: 'power_user, admin' });
  clock = new StoppedClock(app);
});
afterAll(async () => {
  clock.restore();
  await app.close();
});
beforeEach(() => clock.reset());

const tokenOf = (body: unknown): string => (body as Tokens).accessToken;

describe('setting up a second factor', () => {
  it('has no effect until a code confirms it', async () => {
    const person = await Person.register(app, clock);
    const { status, body } = await person.begin();
    expect(status).toBe(201);
    expect(body).toEqual({
      secret: expect.stringMatching(/^[A-Z2-7]{32}$/),
      otpauthUri: expect.stringMatching(
        /^otpauth:\/\/totp\/Steward:person-\d+%40factors\.test\?issuer=Steward&/,
      ),
    });
    expect((await person.get('/auth/factors')).body).toEqual({
      isEnrolled: false,
      enrolledAt: null,
      recoveryCodesLeft: 0,
      isRequired: false,
    });
    expect((await person.login()).status).toBe(200);
    expect(await person.told('auth.factor_added')).toEqual([]);
  });

  it('ASVS 7.4.3: confirmed it gives ten recovery codes, ends the other sessions, is recorded and told', async () => {
    const person = await Person.register(app, clock);
    const other = tokenOf((await person.login()).body);
    const { status } = await person.enrol();
    expect(status).toBe(200);
    expect(person.recoveryCodes).toHaveLength(10);
    expect((await person.get('/auth/factors')).body).toMatchObject({
      isEnrolled: true,
      enrolledAt: expect.stringMatching(/Z$/),
      recoveryCodesLeft: 10,
    });
    expect((await app.call('GET', '/users/me', { token: other })).status).toBe(401);
    expect(await person.audited('factor.begin')).toHaveLength(1);
    expect(await person.audited('factor.add')).toMatchObject([
      { details: { replaced: false, endedSessions: 1 } },
    ]);
    expect(await person.told('auth.factor_added')).toEqual([{ kind: 'totp', replaced: false }]);
  });

  it('keeps the other sessions when asked to', async () => {
    const person = await Person.register(app, clock);
    const other = tokenOf((await person.login()).body);
    await person.begin();
    expect((await person.confirm(person.code(), { keepOtherSessions: true })).status).toBe(200);
    expect((await app.call('GET', '/users/me', { token: other })).status).toBe(200);
  });

  it('ASVS 6.6.3: looks at five codes, then the secret is of no use', async () => {
    const person = await Person.register(app, clock);
    await person.begin();
    for (let i = 0; i < 5; i++)
      expect(await person.confirm('abc')).toMatchObject({
        status: 400,
        body: { errors: [{ pointer: '/code', code: 'code_invalid' }] },
      });
    expect(outcome(await person.confirm(person.code()))).toEqual([429, 'too_many_codes']);
    expect((await person.enrol()).status).toBe(200);
  });

  it('takes no recovery code for a code, and none of the factor that is to be replaced', async () => {
    const person = await Person.enrolled(app, clock);
    const old = person.code();
    await person.begin();
    expect((await person.confirm(person.recoveryCodes[0]!)).status).toBe(400);
    expect((await person.confirm(old)).status).toBe(400);
  });

  it('needs to be begun, and ends within the hour', async () => {
    const person = await Person.register(app, clock);
    expect(outcome(await person.confirm('123456'))).toEqual([409, 'factor_not_begun']);
    await person.begin();
    const { secret } = person;
    await app.sql(`update second_factors set created_at = now() - interval '61 minutes' where user_id = $1`, [
      person.id,
    ]);
    expect(outcome(await person.confirm(person.code()))).toEqual([409, 'factor_not_begun']);
    // Begun anew the secret is another one.
    await person.begin();
    expect(person.secret).not.toBe(secret);
    expect((await person.confirm(person.code())).status).toBe(200);
    expect(outcome(await person.confirm(person.code()))).toEqual([409, 'factor_not_begun']);
  });

  it('replaces an earlier one only when it is confirmed: somebody with a new phone is never without', async () => {
    const person = await Person.enrolled(app, clock);
    const [oldCodes, oldSecret] = [person.recoveryCodes, person.secret];
    await person.begin();
    const newSecret = person.secret;
    clock.pass(30);
    person.secret = oldSecret;
    expect((await person.login(person.code())).status).toBe(200);
    person.secret = newSecret;
    const { status, body } = await person.confirm(person.code());
    expect(status).toBe(200);
    expect((body as unknown as { recoveryCodes: string[] }).recoveryCodes).not.toEqual(oldCodes);
    expect(outcome(await person.login(oldCodes[0]))).toEqual([401, 'code_invalid']);
    clock.pass(30);
    expect((await person.login(person.code())).status).toBe(200);
    person.secret = oldSecret;
    clock.pass(30);
    expect(outcome(await person.login(person.code()))).toEqual([401, 'code_invalid']);
    expect(await person.told('auth.factor_added')).toEqual([
      { kind: 'totp', replaced: false },
      { kind: 'totp', replaced: true },
    ]);
  });

  it('leaves one factor when it is begun and confirmed many times at the same moment', async () => {
    const person = await Person.register(app, clock);
    const begun = await Promise.all(Array.from({ length: 10 }, () => person.post('/auth/factors/totp')));
    expect(begun.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 201));
    await person.begin();
    const answers = await Promise.all(Array.from({ length: 10 }, () => person.confirm(person.code())));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9);
    expect(await app.sql('select 1 from second_factors where user_id = $1', [person.id])).toHaveLength(1);
    expect(await app.sql('select 1 from recovery_codes where user_id = $1', [person.id])).toHaveLength(10);
  });

  it.each([{}, { code: 123456 }, { code: '' }, { code: '1'.repeat(65) }, { code: '1', device: 'x' }, []])(
    'refuses %j',
    async (body) => {
      const person = await Person.register(app, clock);
      expect((await person.post('/auth/factors/totp/confirm', body)).status).toBe(400);
    },
  );
});

describe('removing it', () => {
  it('ends the other sessions and voids the recovery codes, is recorded and told', async () => {
    const person = await Person.enrolled(app, clock);
    const other = tokenOf((await person.login(person.recoveryCodes[0])).body);
    expect((await person.delete('/auth/factors/totp')).status).toBe(204);
    expect((await app.call('GET', '/users/me', { token: other })).status).toBe(401);
    expect((await person.login()).status).toBe(200);
    expect(await app.sql('select 1 from recovery_codes where user_id = $1', [person.id])).toEqual([]);
    expect(await person.audited('factor.remove')).toMatchObject([{ details: { wasConfirmed: true } }]);
    expect(await person.told('auth.factor_removed')).toEqual([{ kind: 'totp', by: 'self' }]);
    expect((await person.delete('/auth/factors/totp')).status).toBe(404);
  });

  it('of one that was never confirmed is told to nobody', async () => {
    const person = await Person.register(app, clock);
    await person.begin();
    expect((await person.delete('/auth/factors/totp')).status).toBe(204);
    expect(await person.told('auth.factor_removed')).toEqual([]);
  });

  it('ASVS 7.5.1: needs a login of the last ten minutes, as adding and new recovery codes do', async () => {
    const person = await Person.enrolled(app, clock);
    await person.age(11);
    for (const answer of [
      await person.delete('/auth/factors/totp'),
      await person.post('/auth/factors/totp'),
      await person.post('/auth/factors/recovery-codes'),
    ]) {
      expect(outcome(answer)).toEqual([403, 'reauth_required']);
      expect(answer.body).toMatchObject({ methods: ['password', 'totp', 'recovery_code'] });
    }
    expect((await person.get('/auth/factors')).body).toMatchObject({
      isEnrolled: true,
      recoveryCodesLeft: 10,
    });
  });
});

describe('recovery codes', () => {
  it('are made anew, and the old ones are void', async () => {
    const person = await Person.enrolled(app, clock);
    const [old = ''] = person.recoveryCodes;
    const { status, body } = await person.post('/auth/factors/recovery-codes');
    const { recoveryCodes } = body as unknown as { recoveryCodes: string[] };
    expect([status, recoveryCodes.length]).toEqual([201, 10]);
    expect(outcome(await person.login(old))).toEqual([401, 'code_invalid']);
    expect((await person.login(recoveryCodes[9])).status).toBe(200);
    expect(await person.told('auth.recovery_codes_renewed')).toEqual([{ codesLeft: 10 }]);
    expect(await person.audited('factor.renew_recovery_codes')).toHaveLength(1);
  });

  it('are for those with a factor', async () => {
    const person = await Person.register(app, clock);
    expect(outcome(await person.post('/auth/factors/recovery-codes'))).toEqual([409, 'factor_missing']);
  });
});

describe('ASVS 6.4.4: a lost factor', () => {
  it('is removed by an admin, who needs a recent login; all sessions end and the person is told', async () => {
    const [admin, person] = [await Person.enrolled(app, clock, 'admin'), await Person.enrolled(app, clock)];
    const path = `/auth/users/${person.id}/factors`;
    expect((await person.delete(path)).status).toBe(403);
    await admin.age(11);
    expect(outcome(await admin.delete(path))).toEqual([403, 'reauth_required']);
    await admin.age(-11);
    expect((await admin.delete(path)).status).toBe(204);
    expect((await person.get('/users/me')).status).toBe(401);
    expect((await person.login()).status).toBe(200);
    expect(await person.audited('factor.reset')).toMatchObject([{ user_id: admin.id, result: 'success' }]);
    expect(await person.told('auth.factor_removed')).toEqual([{ kind: 'totp', by: 'admin' }]);
    expect((await admin.delete(path)).status).toBe(404);
  });

  it('is not an admin’s own, not nobody’s and not that of a thing', async () => {
    const admin = await Person.enrolled(app, clock, 'admin');
    expect(outcome(await admin.delete(`/auth/users/${admin.id}/factors`))).toEqual([409, 'own_factor']);
    expect((await admin.delete('/auth/users/019a9f5e-0000-7000-8000-000000000001/factors')).status).toBe(404);
    expect((await admin.delete('/auth/users/me/factors')).status).toBe(400);
  });

  it('is removed by the operator, also that of a locked-out admin', async () => {
    const admin = await Person.enrolled(app, clock, 'admin');
    const operator = app.get(OperatorFactors);
    expect(await operator.reset(admin.email.toUpperCase())).toEqual({ email: admin.email, removed: true });
    expect(await operator.reset(admin.email)).toEqual({ email: admin.email, removed: false });
    expect(await operator.reset('nobody@factors.test')).toBeNull();
    expect((await admin.get('/users/me')).status).toBe(401);
    expect((await admin.login()).status).toBe(200);
    expect(await admin.told('auth.factor_removed')).toEqual([{ kind: 'totp', by: 'operator' }]);
  });
});

describe('ASVS 6.3.3: a role that demands a factor', () => {
  it('opens nothing but what is needed to set one up, until it is', async () => {
    const person = await Person.register(app, clock, 'power_user');
    for (const path of ['/users/me', '/users/me/audit-logs'])
      expect(outcome(await person.get(path))).toEqual([403, 'mfa_enrolment_required']);
    expect(outcome(await person.post('/auth/factors/recovery-codes'))).toEqual([
      403,
      'mfa_enrolment_required',
    ]);
    expect((await person.get('/auth/factors')).body).toMatchObject({ isEnrolled: false, isRequired: true });
    expect((await person.get('/auth/sessions')).status).toBe(200);
    const renewed = await person.reauthenticate();
    expect(renewed.status).toBe(200);
    person.token = tokenOf(renewed.body);
    expect((await person.enrol()).status).toBe(200);
    expect((await person.get('/users/me')).status).toBe(200);
    expect((await person.post('/auth/logout')).status).toBe(204);
  });

  it('counts from the moment somebody has it, and only for those roles', async () => {
    const person = await Person.register(app, clock);
    expect((await person.get('/users/me')).status).toBe(200);
    await app.sql(`update users set role = 'admin' where id = $1`, [person.id]);
    expect(outcome(await person.get('/users'))).toEqual([403, 'mfa_enrolment_required']);
    await person.enrol();
    expect((await person.get('/users')).status).toBe(200);
  });

  it('lets nobody remove it, but replace it', async () => {
    const person = await Person.enrolled(app, clock, 'power_user');
    expect(outcome(await person.delete('/auth/factors/totp'))).toEqual([409, 'factor_required']);
    expect((await person.enrol()).status).toBe(200);
  });

  it('closes the API keys of its people, too, until they have one', async () => {
    const person = await Person.register(app, clock);
    const { key } = await newKey(app, person);
    const byKey = async () => outcome(await app.call('GET', '/users/me', { token: key }));
    expect(await byKey()).toEqual([200, undefined]);
    await app.sql(`update users set role = 'power_user' where id = $1`, [person.id]);
    expect(await byKey()).toEqual([403, 'mfa_enrolment_required']);
    await person.begin();
    expect(await byKey()).toEqual([403, 'mfa_enrolment_required']);
    expect((await person.confirm(person.code())).status).toBe(200);
    expect(await byKey()).toEqual([200, undefined]);
    await app.get(OperatorFactors).reset(person.email);
    expect(await byKey()).toEqual([403, 'mfa_enrolment_required']);
  });
});
