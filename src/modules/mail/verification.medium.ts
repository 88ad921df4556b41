import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD, Person } from '../../../test/harness/account.js';
import { TestApp } from '../../../test/harness/app.js';
import { withClient } from '../../../test/harness/database.js';
import { Outbox } from '../../../test/harness/outbox.js';

let app: TestApp;
let outbox: Outbox;
beforeAll(async () => {
  app = await TestApp.start();
  outbox = new Outbox(app.settings);
});
afterAll(() => app.stop());

const sql = <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  withClient(app.settings.databaseUrl ?? '', async (client) => (await client.query<Row>(text, values)).rows);
const post = (place: string, body: unknown) =>
  app.call<{ code?: string }>('POST', `/api${place}`, { body, token: null });
const verify = (token: unknown) => post('/auth/email/verify', { token });
const resend = (email: unknown) => post('/auth/email/resend', { email });

describe('registering', () => {
  it('mails a code that proves the address, once (6.4.1)', async () => {
    const person = await Person.register(app, 'new@verify.test', { fullName: 'سارا محمدی' });
    expect((await person.me()).body.isVerified).toBe(false);
    const mail = await outbox.next('new@verify.test');
    expect(mail).toMatchObject({ subject: 'Confirm your e-mail address', language: 'en' });
    expect(mail.text).toContain('سارا محمدی');
    expect(mail.text).not.toContain('http');
    expect(await verify(mail.code)).toMatchObject({ status: 204 });
    expect((await person.me()).body.isVerified).toBe(true);
    expect(await verify(mail.code)).toMatchObject({ status: 400, body: { code: 'token_invalid' } });
    const audit = await sql(
      `select result from audit_logs where action = 'user.verify_email' and resource_id = $1`,
      [person.id],
    );
    expect(audit).toEqual([{ result: 'success' }]);
  });

  it.each([
    ['fa', 'fa-IR,fa;q=0.9,en;q=0.5', 'نشانی ایمیل خود را تأیید کنید'],
    ['ko', 'ko-KR', '이메일 주소를 확인해 주세요'],
    ['ru', 'de, ru;q=0.8', 'Подтвердите адрес электронной почты'],
    ['th', 'th', 'ยืนยันที่อยู่อีเมลของคุณ'],
    ['en', 'de', 'Confirm your e-mail address'],
    ['en', 'x'.repeat(500), 'Confirm your e-mail address'],
  ])('writes in %s to somebody who reads %s', async (language, wishes, subject) => {
    const email = `${language}${wishes.length}@verify.test`;
    await Person.register(app, email, {}, { 'accept-language': wishes });
    const mail = await outbox.next(email);
    expect(mail).toMatchObject({ language, subject });
    expect(await verify(mail.code)).toMatchObject({ status: 204 });
  });

  it('leaves neither address nor code in any job, event, log line or audit entry', async () => {
    const { id } = await Person.register(app, 'nowhere@verify.test');
    const { code } = await outbox.next('nowhere@verify.test');
    const [, tokenId, secret] = code.split('.');
    const rows = await sql<{ row: string }>(
      `select to_jsonb(j)::text as row from jobs j union all select to_jsonb(l)::text from job_logs l
       union all select to_jsonb(e)::text from events e union all select to_jsonb(a)::text from audit_logs a`,
    );
    const jobs = rows.filter(({ row }) => row.includes('send-mail'));
    expect(jobs.filter(({ row }) => row.includes(id) || row.includes(tokenId ?? ''))).toEqual([]);
    const tokens = await sql<{ row: string }>(`select to_jsonb(t)::text as row from account_tokens t`);
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter(({ row }) => row.includes('nowhere@verify') || row.includes(secret ?? ''))).toEqual(
      [],
    );
    expect(tokens.filter(({ row }) => row.includes(secret ?? ''))).toEqual([]);
  });

  it('mails to nobody whose account an admin makes, and nothing twice when the events are delivered again', async () => {
    await app.call('POST', '/api/users', { body: { email: 'made@verify.test', password: PASSWORD } });
    await Person.register(app, 'once@verify.test');
    await outbox.next('once@verify.test');
    await sql(`update event_cursors set xid = '0', seq = 0 where subscriber = 'mail'`);
    await Person.register(app, 'after@verify.test');
    await outbox.next('after@verify.test');
    await outbox.next('once@verify.test');
    expect(await outbox.to('made@verify.test')).toEqual([]);
    const jobs = await sql<{ count: string }>(
      `select count(*) from audit_logs where action = 'job.create' and details->>'type' = 'send-mail' group by resource_id having count(*) > 1`,
    );
    expect(jobs).toEqual([]);
  });
});

describe('a code', () => {
  it.each([
    '',
    'at',
    'x'.repeat(200),
    'at.\u0001',
    '🔑',
    `at.019a0000-0000-7000-8000-000000000001.${'x'.repeat(43)}`,
  ])('that is %j proves nothing', async (token) => {
    expect(await verify(token)).toMatchObject({ status: 400, body: { code: 'token_invalid' } });
  });

  it.each([[null], [5], [['x']], [{}], ['x'.repeat(201)], ['x\u0000']])(
    'that is %j is malformed',
    async (token) => {
      expect(await verify(token)).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
    },
  );

  it('is not changed in any character, and not taken with further fields', async () => {
    await Person.register(app, 'exact@verify.test');
    const { code } = await outbox.next('exact@verify.test');
    const other = code.endsWith('A') ? 'B' : 'A';
    expect((await verify(code.slice(0, -1) + other)).status).toBe(400);
    expect((await verify(` ${code}`)).status).toBe(400);
    expect((await post('/auth/email/verify', { token: code, email: 'x@y.z' })).status).toBe(400);
    expect((await verify(code)).status).toBe(204);
  });

  it('is used by one of many who come at the same moment', async () => {
    await Person.register(app, 'race@verify.test');
    const { code } = await outbox.next('race@verify.test');
    const answers = await Promise.all(Array.from({ length: 20 }, () => verify(code)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([204, ...Array.from({ length: 19 }, () => 400)]);
  });

  it('expires, is void after a newer one, and with another address of the account', async () => {
    const person = await Person.register(app, 'void@verify.test');
    const first = await outbox.next('void@verify.test');
    await resend('VOID@verify.TEST');
    const second = await outbox.next('void@verify.test', 1);
    expect((await verify(first.code)).status).toBe(400);
    await sql(`update users set email = 'x@verify.test', email_key = 'x@verify.test' where id = $1`, [
      person.id,
    ]);
    expect((await verify(second.code)).status).toBe(400);
    await sql(`update users set email = 'void@verify.test', email_key = 'void@verify.test' where id = $1`, [
      person.id,
    ]);
    await sql(`update account_tokens set expires_at = now() where user_id = $1`, [person.id]);
    expect((await verify(second.code)).status).toBe(400);
    await sql(`update account_tokens set expires_at = now() + interval '1 minute' where user_id = $1`, [
      person.id,
    ]);
    await sql(`update users set is_active = false where id = $1`, [person.id]);
    expect((await verify(second.code)).status).toBe(400);
    await sql(`update users set is_active = true where id = $1`, [person.id]);
    expect((await verify(second.code)).status).toBe(204);
  });

  it('is valid for as long as its mail says', async () => {
    const person = await Person.register(app, 'long@verify.test');
    const [row] = await sql<{ minutes: number }>(
      `select extract(epoch from expires_at - created_at)::integer / 60 as minutes from account_tokens where user_id = $1`,
      [person.id],
    );
    expect(row?.minutes).toBe(24 * 60);
    expect((await outbox.next('long@verify.test')).text).toContain('\u206824\u2069 hours');
  });
});

describe('asking for another code', () => {
  it('answers the same for unknown, unverified, verified and inactive accounts, and mails to one', async () => {
    await Person.register(app, 'waiting@verify.test');
    await Person.register(app, 'done@verify.test');
    expect((await verify((await outbox.next('done@verify.test')).code)).status).toBe(204);
    const inactive = await Person.register(app, 'inactive@verify.test');
    await sql(`update users set is_active = false where id = $1`, [inactive.id]);
    const answers = await Promise.all(
      ['waiting', 'done', 'inactive', 'nobody'].map((name) => resend(`${name}@verify.test`)),
    );
    for (const { status, body } of answers)
      expect({ status, body }).toEqual({ status: 202, body: { status: 'accepted' } });
    expect(await outbox.to('waiting@verify.test')).toHaveLength(2);
    expect(await outbox.to('done@verify.test')).toHaveLength(1);
    expect(await outbox.to('nobody@verify.test')).toHaveLength(0);
    const reasons = await sql<{ reason: string | null }>(
      `select details->>'reason' as reason from audit_logs where action = 'auth.resend_verification' and request_id = any($1)`,
      [answers.map(({ headers }) => headers.get('x-request-id'))],
    );
    expect(new Set(reasons.map(({ reason }) => reason))).toEqual(
      new Set([null, 'inactive', 'unknown_address', 'verified_already']),
    );
  });

  it('mails at most three times in half an hour to an address, whoever asks and however fast', async () => {
    await Person.register(app, 'flood@verify.test');
    const answers = await Promise.all(Array.from({ length: 20 }, () => resend('flood@verify.test')));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const mails = await outbox.to('flood@verify.test');
    expect(mails.length).toBeLessThanOrEqual(3);
    // The last one still works: asking too often keeps nobody out.
    const codes = await Promise.all(mails.map(({ code }) => verify(code)));
    expect(codes.filter(({ status }) => status === 204)).toHaveLength(1);
    const counted = await sql(`select 1 from account_tokens where email_key = 'flood@verify.test'`);
    expect(counted).toHaveLength(3);
  });

  it.each([['no address'], ['a@b@c'], ['x\u0000@y.z'], [`${'x'.repeat(251)}@y.zz`], [5], [null]])(
    'refuses %j',
    async (email) => {
      expect((await resend(email)).status).toBe(400);
    },
  );
});

describe('send-mail', () => {
  it('is a job of the system: people can neither make nor see it, admins see it', async () => {
    const person = await Person.register(app, 'jobs@verify.test');
    await outbox.next('jobs@verify.test');
    const payload = { mail: 'password-changed', eventId: person.id };
    for (const token of [person.token, app.adminToken]) {
      const made = await app.call('POST', '/api/jobs', { body: { type: 'send-mail', payload }, token });
      expect(made).toMatchObject({ status: 403, body: { code: 'role_required' } });
    }
    const types = await app.call<{ items: { name: string }[] }>('GET', '/api/job-types');
    expect(types.body.items.map(({ name }) => name)).not.toContain('send-mail');
    const all = await app.call<{
      items: { id: string; type: string; userId: string | null; status: string }[];
    }>('GET', '/api/jobs?all=true&type=send-mail');
    const [job] = all.body.items;
    expect(job).toMatchObject({
      type: 'send-mail',
      userId: null,
      status: 'completed',
      result: { sent: true },
    });
    expect((await app.call('GET', `/api/jobs/${job?.id}`, { token: person.token })).status).toBe(404);
    expect((await app.call('POST', `/api/jobs/${job?.id}/retry`, { token: person.token })).status).toBe(404);
    const own = await app.call<{ items: unknown[] }>('GET', '/api/jobs', { token: person.token });
    expect(own.body.items).toEqual([]);
  });
});
