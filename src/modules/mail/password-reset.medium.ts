import { Secret, TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, Person } from '../../../test/harness/account.js';
import { TestApp } from '../../../test/harness/app.js';
import { withClient } from '../../../test/harness/database.js';
import { Outbox, type FoundMail } from '../../../test/harness/outbox.js';

const NEXT = 'ein neues Wort, ganz anders';

let app: TestApp;
let outbox: Outbox;
beforeAll(async () => {
  app = await TestApp.start({ environment: { STEWARD_PUBLIC_URL: 'https://app.test/' } });
  outbox = new Outbox(app.settings);
});
afterAll(() => app.stop());

const sql = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  withClient(app.settings.databaseUrl ?? '', async (client) => (await client.query<Row>(text, values)).rows);
const post = (place: string, body: unknown) =>
  app.call<{ code?: string; errors?: { pointer: string }[] }>('POST', `/api${place}`, { body, token: null });
const forgot = (email: unknown) => post('/auth/password/forgot', { email });
const reset = (token: unknown, newPassword: unknown = NEXT) =>
  post('/auth/password/reset', { token, newPassword });

/** Registers, and asks for a new password. */
async function forgetful(name: string): Promise<{ person: Person; mail: FoundMail }> {
  const person = await Person.register(app, `${name}@reset.test`);
  await outbox.next(person.email);
  expect((await forgot(person.email)).status).toBe(202);
  return { person, mail: await outbox.next(person.email, 1) };
}

describe('a new password', () => {
  it('is set with the mailed code; it ends every session, logs nobody in, and proves the address (6.4.3)', async () => {
    const { person, mail } = await forgetful('all');
    const other = new Person(app, person.email);
    expect((await other.login()).status).toBe(200);
    expect(mail.subject).toBe('Set a new password');
    expect(mail.text).toContain(`https://app.test/reset-password#token=${mail.code}`);
    expect(mail.html).toContain(`href="https://app.test/reset-password#token=${mail.code}"`);
    const answer = await reset(mail.code);
    expect(answer).toMatchObject({ status: 204, body: null });
    expect((await person.me()).status).toBe(401);
    expect((await other.me()).status).toBe(401);
    expect((await person.login()).status).toBe(401);
    expect((await person.login(NEXT)).status).toBe(200);
    expect((await person.me()).body).toMatchObject({ isVerified: true });
    const notice = await outbox.next(person.email, 2);
    expect(notice).toMatchObject({ subject: 'Your password was changed', code: '' });
    const audit = await sql<{ action: string }>(
      `select action from audit_logs where resource_id = $1 and action in ('auth.forgot_password', 'user.reset_password', 'user.verify_email', 'session.revoke_all') order by id`,
      [person.id],
    );
    expect(audit.map(({ action }) => action)).toEqual([
      'auth.forgot_password',
      'user.reset_password',
      'user.verify_email',
      'session.revoke_all',
    ]);
  });

  it('does not stand in for a second factor (6.4.3)', async () => {
    const person = await Person.register(app, 'factor@reset.test');
    const { body: begun } = await person.post<{ secret: string }>('/auth/factors/totp', {});
    const code = (secondsAhead: number): string =>
      TOTP.generate({
        secret: Secret.fromBase32(begun.secret),
        timestamp: Date.now() + secondsAhead * 1000,
      });
    expect((await person.post('/auth/factors/totp/confirm', { code: code(0) })).status).toBe(200);
    expect(await outbox.next(person.email, 1)).toMatchObject({ subject: 'A second factor was set up' });
    await forgot(person.email);
    expect((await reset((await outbox.next(person.email, 2)).code)).status).toBe(204);
    const refused = await person.login(NEXT);
    expect(refused).toMatchObject({ status: 401, body: { code: 'mfa_required' } });
    const body = { identifier: person.email, password: NEXT, code: code(30) };
    expect((await app.call('POST', '/api/auth/login', { body, token: null })).status).toBe(200);
  });

  it('is refused with a used, voided, expired or foreign code, and with one of another purpose', async () => {
    const { person, mail } = await forgetful('codes');
    const verification = (await outbox.to(person.email))[0];
    expect(await reset(verification?.code)).toMatchObject({ status: 400, body: { code: 'token_invalid' } });
    expect(await post('/auth/email/verify', { token: mail.code })).toMatchObject({
      body: { code: 'token_invalid' },
    });
    expect(await post('/auth/email/undo', { token: mail.code })).toMatchObject({
      body: { code: 'token_invalid' },
    });
    await forgot(person.email);
    const newer = await outbox.next(person.email, 2);
    expect((await reset(mail.code)).body.code).toBe('token_invalid');
    await sql(`update account_tokens set expires_at = now() where user_id = $1`, [person.id]);
    expect((await reset(newer.code)).body.code).toBe('token_invalid');
    await sql(`update account_tokens set expires_at = now() + interval '1 minute' where user_id = $1`, [
      person.id,
    ]);
    expect((await reset(newer.code)).status).toBe(204);
    expect((await reset(newer.code)).body.code).toBe('token_invalid');
  });

  it.each([
    ['short', 'password_too_short'],
    ['x'.repeat(129), 'password_too_long'],
    ['password123', 'password_common'],
    [12345678, 'invalid_type'],
    ['nul\u0000character', 'nul_character'],
  ])('cannot be %j, and the code can be used again', async (password, code) => {
    const { mail } = await forgetful(`bad${String(password).length}${code}`);
    expect(await reset(mail.code, password)).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '/newPassword', code }] },
    });
    expect((await reset(mail.code)).status).toBe(204);
  });

  it('is set by one of many who use the code at the same moment', async () => {
    const { person, mail } = await forgetful('race');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, place) => reset(mail.code, `${NEXT} ${place}`)),
    );
    const winners = answers.flatMap(({ status }, place) => (status === 204 ? [place] : []));
    expect(winners).toHaveLength(1);
    expect((await person.login(`${NEXT} ${winners[0]}`)).status).toBe(200);
  });

  it('can be had by somebody who never had one, and not by somebody inactive', async () => {
    const { body: made } = await app.call<{ id: string }>('POST', '/api/users', {
      body: { email: 'invited@reset.test' },
    });
    await forgot('invited@reset.test');
    const mail = await outbox.next('invited@reset.test');
    await sql('update users set is_active = false where id = $1', [made.id]);
    expect((await reset(mail.code)).body.code).toBe('token_invalid');
    await forgot('invited@reset.test');
    expect(await outbox.to('invited@reset.test')).toHaveLength(1);
    await sql('update users set is_active = true where id = $1', [made.id]);
    expect((await reset(mail.code)).status).toBe(204);
    expect((await new Person(app, 'invited@reset.test').login(NEXT)).status).toBe(200);
  });
});

describe('asking for it', () => {
  it('answers the same whether or not somebody has the address, in whatever way it is written', async () => {
    const person = await Person.register(app, 'Known@reset.test');
    await outbox.next(person.email);
    const answers = await Promise.all(
      ['known@reset.TEST', 'nobody@reset.test', 'ｋnown@reset.test'].map((email) => forgot(email)),
    );
    for (const { status, body } of answers)
      expect({ status, body }).toEqual({ status: 202, body: { status: 'accepted' } });
    const mails = await outbox.to('Known@reset.test');
    expect(mails.map(({ subject }) => subject)).toContain('Set a new password');
    expect(await outbox.to('nobody@reset.test')).toEqual([]);
  });

  it('mails at most three times in half an hour, and asking again leaves the last code as it is', async () => {
    const { person, mail } = await forgetful('flood');
    for (let count = 0; count < 4; count++) await forgot(person.email);
    const mails = await outbox.to(person.email);
    expect(mails).toHaveLength(4); // one for the verification
    expect((await reset(mail.code)).status).toBe(400);
    expect((await reset(mails.at(-1)?.code)).status).toBe(204);
  });

  it('does not take a username for an address', async () => {
    await Person.register(app, 'named@reset.test', { username: 'somebody' });
    expect((await forgot('somebody')).status).toBe(400);
    expect(await outbox.to('named@reset.test')).toHaveLength(1);
  });

  it('leaves nothing of the code in rows, jobs or events', async () => {
    const { mail } = await forgetful('traces');
    const secret = mail.code.split('.')[2] ?? '';
    const rows = await sql<{ row: string }>(
      `select to_jsonb(j)::text as row from jobs j union all select to_jsonb(t)::text from account_tokens t
       union all select to_jsonb(e)::text from events e union all select to_jsonb(a)::text from audit_logs a`,
    );
    expect(rows.filter(({ row }) => row.includes(secret))).toEqual([]);
  });
});

it('notices are written to whoever changes the password in a session', async () => {
  const person = await Person.register(app, 'changer@reset.test', {}, { 'accept-language': 'ru' });
  const change = { currentPassword: PASSWORD, newPassword: NEXT };
  expect((await person.post('/auth/password/change', change)).status).toBe(204);
  expect(await outbox.next(person.email, 1)).toMatchObject({ subject: 'Пароль изменён', language: 'ru' });
  await app.call('PATCH', '/api/users/me/preferences', {
    token: person.token,
    body: { language: 'th', timezone: 'Asia/Bangkok' },
  });
  const back = { currentPassword: NEXT, newPassword: PASSWORD };
  expect((await person.post('/auth/password/change', back)).status).toBe(204);
  const mail = await outbox.next(person.email, 2);
  expect(mail.subject).toBe('รหัสผ่านของคุณถูกเปลี่ยน');
  expect(mail.text).toContain('Asia/Bangkok');
});
