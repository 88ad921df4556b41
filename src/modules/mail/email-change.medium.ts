import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Person } from '../../../test/harness/account.js';
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
const use = (route: 'verify' | 'undo', token: string) =>
  app.call<{ code?: string }>('POST', `/api/auth/email/${route}`, { body: { token }, token: null });
const ask = (person: Person, email: unknown) =>
  person.post<{ code?: string }>('/auth/email/change', { email });

/** Registers, and proves the address. */
async function verified(name: string): Promise<Person> {
  const person = await Person.register(app, `${name}@change.test`);
  expect((await use('verify', (await outbox.next(person.email)).code)).status).toBe(204);
  return person;
}

/** To the address `<name>-new`; the person keeps using the old one in the test. */
async function changed(name: string): Promise<{ person: Person; next: string }> {
  const person = await verified(name);
  const next = `${name}-new@change.test`;
  expect((await ask(person, next)).status).toBe(202);
  expect((await use('verify', (await outbox.next(next)).code)).status).toBe(204);
  return { person, next };
}

describe('another address', () => {
  it('counts once its mailed code is used; the old one is told before and after', async () => {
    const person = await verified('told');
    expect(await ask(person, 'Told-New@change.test')).toMatchObject({
      status: 202,
      body: { status: 'accepted' },
    });
    expect((await person.me()).body.email).toBe('told@change.test');
    const notice = await outbox.next('told@change.test', 1);
    expect(notice).toMatchObject({ subject: 'A new e-mail address was asked for', code: '' });
    expect(notice.text).toContain('Told-New@change.test');
    const confirm = await outbox.next('Told-New@change.test');
    expect(confirm.subject).toBe('Confirm your new e-mail address');
    expect((await use('verify', confirm.code)).status).toBe(204);
    expect((await person.me()).body).toMatchObject({ email: 'Told-New@change.test', isVerified: true });
    const after = await outbox.next('told@change.test', 2);
    expect(after.subject).toBe('Your e-mail address was changed');
    expect(after.code).not.toBe('');
    expect((await use('verify', confirm.code)).body.code).toBe('token_invalid');
    const actions = await sql<{ action: string }>(
      `select action from audit_logs where resource_id = $1 and action like '%email%' order by id`,
      [person.id],
    );
    expect(actions.map(({ action }) => action)).toEqual([
      'user.verify_email',
      'auth.ask_email_change',
      'user.change_email',
    ]);
  });

  it('needs a session and a recent login', async () => {
    const person = await verified('stale');
    const stranger = await app.call('POST', '/api/auth/email/change', {
      body: { email: 'x@change.test' },
      token: null,
    });
    expect(stranger.status).toBe(401);
    await sql(`update sessions set authenticated_at = now() - interval '1 hour' where user_id = $1`, [
      person.id,
    ]);
    const answer = await ask(person, 'stale-new@change.test');
    expect(answer).toMatchObject({ status: 403, body: { code: 'reauth_required' } });
    expect(await outbox.to('stale-new@change.test')).toEqual([]);
  });

  it('may be somebody else’s: the answer is the same, no code comes, and only the owner of the account is told', async () => {
    const other = await verified('taken');
    const person = await verified('taker');
    expect(await ask(person, other.email.toUpperCase())).toMatchObject({
      status: 202,
      body: { status: 'accepted' },
    });
    expect(await outbox.to(other.email)).toHaveLength(1);
    expect(await outbox.to(other.email.toUpperCase())).toHaveLength(0);
    expect(await outbox.to(person.email)).toHaveLength(2);
    const [row] = await sql<{ void: boolean }>(
      `select voided_at is not null as void from account_tokens where user_id = $1 and purpose = 'change_email'`,
      [person.id],
    );
    expect(row?.void).toBe(true);
  });

  it('is 409 when somebody took it meanwhile, and the code works once it is free again', async () => {
    const person = await verified('slow');
    await ask(person, 'contested@change.test');
    const { code } = await outbox.next('contested@change.test');
    const other = await Person.register(app, 'contested@change.test');
    expect(await use('verify', code)).toMatchObject({ status: 409, body: { code: 'email_taken' } });
    expect((await person.me()).body.email).toBe('slow@change.test');
    await sql(`update users set email = 'moved@change.test', email_key = 'moved@change.test' where id = $1`, [
      other.id,
    ]);
    expect((await use('verify', code)).status).toBe(204);
  });

  it('of two accounts that want the same one at the same moment goes to one', async () => {
    const people = [await verified('first'), await verified('second')];
    for (const person of people) await ask(person, 'wanted@change.test');
    const codes = (await outbox.to('wanted@change.test')).map(({ code }) => code);
    expect(codes).toHaveLength(2);
    const answers = await Promise.all(codes.map((code) => use('verify', code)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([204, 409]);
  });

  it('replaces the wish for a former one, and is void after a reset of the password', async () => {
    const person = await verified('wishes');
    await ask(person, 'wish1@change.test');
    await ask(person, 'wish2@change.test');
    const first = await outbox.next('wish1@change.test').catch(() => null);
    const second = await outbox.next('wish2@change.test');
    expect((await use('verify', first?.code ?? '')).status).toBe(400);
    await app.call('POST', '/api/auth/password/forgot', { body: { email: person.email }, token: null });
    const mails = await outbox.to(person.email);
    const token = mails.find(({ subject }) => subject === 'Set a new password')?.code;
    const body = { token, newPassword: 'something else entirely' };
    expect((await app.call('POST', '/api/auth/password/reset', { body, token: null })).status).toBe(204);
    expect((await use('verify', second.code)).body.code).toBe('token_invalid');
  });

  it('is asked for at most three times in half an hour, for whichever addresses', async () => {
    const person = await verified('eager');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, place) => ask(person, `eager${place}@change.test`)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    await outbox.to(person.email);
    const asked = (await outbox.all()).filter(({ to }) => /^eager\d@/.test(to));
    expect(asked.length).toBeLessThanOrEqual(3);
  });

  it.each([['nothing'], ['a@b@c'], [null], [5], ['x\u0000@y.z'], ['x\r\nBcc: y@z.test']])(
    'cannot be %j',
    async (email) => {
      const person = await Person.register(app, `bad${JSON.stringify(email).length}@change.test`);
      expect((await ask(person, email)).status).toBe(400);
    },
  );
});

describe('undoing it', () => {
  it('gives the old address back, ends all sessions, and mails a code for a new password', async () => {
    const { person, next } = await changed('victim');
    const undo = await outbox.next(person.email, 2);
    expect((await use('undo', undo.code)).status).toBe(204);
    expect((await person.me()).status).toBe(401);
    expect((await person.login()).status).toBe(200);
    expect((await person.me()).body).toMatchObject({ email: 'victim@change.test', isVerified: true });
    expect((await outbox.next(person.email, 3)).subject).toBe('Set a new password');
    expect((await use('undo', undo.code)).body.code).toBe('token_invalid');
    expect((await new Person(app, next).login()).status).toBe(401);
  });

  it('is possible after further changes, which it undoes too; a thief cannot undo it', async () => {
    const { person, next } = await changed('chain');
    const undo = await outbox.next(person.email, 2);
    // Whoever has the session goes on to a third address.
    await ask(person, 'chain-third@change.test');
    expect((await use('verify', (await outbox.next('chain-third@change.test')).code)).status).toBe(204);
    const thiefs = (await outbox.to(next)).at(-1);
    expect(thiefs?.subject).toBe('Your e-mail address was changed');
    expect((await use('undo', undo.code)).status).toBe(204);
    expect((await use('undo', thiefs?.code ?? '')).body.code).toBe('token_invalid');
    const [row] = await sql<{ email: string }>('select email from users where id = $1', [person.id]);
    expect(row?.email).toBe('chain@change.test');
  });

  it('is 409 when somebody else has the old address by now', async () => {
    const { person } = await changed('reused');
    const undo = await outbox.next(person.email, 2);
    await Person.register(app, person.email);
    expect(await use('undo', undo.code)).toMatchObject({ status: 409, body: { code: 'email_taken' } });
    expect((await person.me()).status).toBe(200);
  });

  it('is valid for 72 hours and not longer', async () => {
    const { person } = await changed('late');
    const undo = await outbox.next(person.email, 2);
    const [row] = await sql<{ hours: number }>(
      `select extract(epoch from expires_at - created_at)::integer / 3600 as hours
         from account_tokens where user_id = $1 and purpose = 'undo_email_change'`,
      [person.id],
    );
    expect(row?.hours).toBe(72);
    await sql(`update account_tokens set expires_at = now() where user_id = $1`, [person.id]);
    expect((await use('undo', undo.code)).body.code).toBe('token_invalid');
  });

  it('is offered to nobody at an address that was never proven', async () => {
    const person = await Person.register(app, 'mistyped@change.test');
    await ask(person, 'right@change.test');
    expect((await use('verify', (await outbox.next('right@change.test')).code)).status).toBe(204);
    expect(await outbox.to('mistyped@change.test')).toHaveLength(1);
    expect((await person.me()).body).toMatchObject({ email: 'right@change.test', isVerified: true });
  });
});
