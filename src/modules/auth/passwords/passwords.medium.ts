import { hash as bcrypt } from '@node-rs/bcrypt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';

let app: AccountsApplication;
let count = 0;
beforeAll(async () => {
  app = await accountsApplication();
});
afterAll(async () => app.close());

const OLD = 'the old one, somewhat long';
const NEW = 'یک رمز تازه و بلند';

interface Person {
  readonly id: string;
  readonly email: string;
  readonly token: string;
}

async function person(): Promise<Person> {
  const email = `changer${count++}@auth.test`;
  const { body } = await app.call('POST', '/auth/register', {
    body: { email, password: OLD, fullName: 'Grace Hopper' },
  });
  const { user, accessToken } = body as unknown as { user: { id: string }; accessToken: string };
  return { id: user.id, email, token: accessToken };
}

const login = (email: string, password: string) =>
  app.call('POST', '/auth/login', { body: { identifier: email, password } });
const change = (token: string, body: object) => app.call('POST', '/auth/password/change', { token, body });
const me = async (token: string): Promise<number> => (await app.call('GET', '/users/me', { token })).status;
const audited = (id: string) =>
  app.sql(
    `select result, details from audit_logs where action = 'auth.password_change' and user_id = $1 order by id`,
    [id],
  );

describe('changing the password', () => {
  it('ends the other sessions, keeps this one, is recorded and told', async () => {
    const { id, email, token } = await person();
    const other = (await login(email, OLD)).body['accessToken'] as unknown as string;
    expect((await change(token, { currentPassword: OLD, newPassword: NEW })).status).toBe(204);
    expect([await me(token), await me(other)]).toEqual([200, 401]);
    expect((await login(email, OLD)).status).toBe(401);
    expect((await login(email, NEW.normalize('NFD'))).status).toBe(200);
    expect(await audited(id)).toEqual([{ result: 'success', details: { endedSessions: 1 } }]);
    const events = await app.sql(
      `select user_id, subject_id, data from events where type = 'auth.password_changed' and user_id = $1`,
      [id],
    );
    expect(events).toEqual([{ user_id: id, subject_id: id, data: { endedSessions: 1 } }]);
  });

  it('keeps the other sessions when it is told to', async () => {
    const { email, token } = await person();
    const other = (await login(email, OLD)).body['accessToken'] as unknown as string;
    const body = { currentPassword: OLD, newPassword: NEW, keepOtherSessions: true };
    expect((await change(token, body)).status).toBe(204);
    expect(await me(other)).toBe(200);
  });

  it.each([
    [{ currentPassword: 'not the old one', newPassword: NEW }, '/currentPassword', 'password_wrong'],
    [{ currentPassword: OLD, newPassword: OLD }, '/newPassword', 'password_unchanged'],
    [{ currentPassword: OLD, newPassword: 'Password1' }, '/newPassword', 'password_common'],
    [{ currentPassword: OLD, newPassword: 'GraceHopper1906' }, '/newPassword', 'password_personal'],
    [{ currentPassword: OLD, newPassword: 'short' }, '/newPassword', 'password_too_short'],
    [{ currentPassword: OLD, newPassword: 'x'.repeat(129) }, '/newPassword', 'password_too_long'],
    [{ currentPassword: OLD, newPassword: 'x\u0000'.repeat(9) }, '/newPassword', 'nul_character'],
    [{ currentPassword: OLD }, '/newPassword', 'invalid_type'],
    [{ currentPassword: '', newPassword: NEW }, '/currentPassword', 'too_small'],
    [{ currentPassword: OLD, newPassword: NEW, userId: 1 }, '/userId', 'unknown_field'],
    [
      { currentPassword: OLD, newPassword: NEW, keepOtherSessions: 'yes' },
      '/keepOtherSessions',
      'invalid_type',
    ],
  ])('refuses %j', async (body, pointer, code) => {
    const { id, email, token } = await person();
    expect(await change(token, body)).toMatchObject({ status: 400, body: { errors: [{ pointer, code }] } });
    expect((await login(email, OLD)).status).toBe(200);
    const records =
      code === 'password_wrong' ? [{ result: 'failure', details: { reason: 'wrong_password' } }] : [];
    expect(await audited(id)).toEqual(records);
  });

  it('is for somebody who is logged in and has a password', async () => {
    expect((await change('no token', { currentPassword: OLD, newPassword: NEW })).status).toBe(401);
    const { id, token } = await person();
    await app.sql('update users set password_hash = null where id = $1', [id]);
    expect((await change(token, { currentPassword: OLD, newPassword: NEW })).status).toBe(400);
  });

  it('takes an imported password for the current one', async () => {
    const { id, email, token } = await person();
    await app.sql('update users set password_hash = $2 where id = $1', [id, await bcrypt('imported one', 4)]);
    expect((await change(token, { currentPassword: 'imported one', newPassword: NEW })).status).toBe(204);
    expect((await login(email, NEW)).status).toBe(200);
  });

  it('lets one of several at the same moment win', async () => {
    const { id, email, token } = await person();
    const wanted = Array.from({ length: 5 }, (_, i) => `the new password number ${i}`);
    const answers = await Promise.all(
      wanted.map((newPassword) => change(token, { currentPassword: OLD, newPassword })),
    );
    const winner = wanted[answers.findIndex(({ status }) => status === 204)]!;
    // Those that read the account before the winner's commit are told so; later ones gave a wrong password.
    const statuses = answers.map(({ status }) => status).filter((status) => status !== 409 && status !== 400);
    expect(statuses).toEqual([204]);
    expect((await login(email, winner)).status).toBe(200);
    const records = (await audited(id)) as { result: string }[];
    expect(records.filter(({ result }) => result === 'success')).toHaveLength(1);
  });
});
