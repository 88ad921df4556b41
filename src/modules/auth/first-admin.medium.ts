import { afterEach, describe, expect, it } from 'vitest';
import { accountsApplication, type AccountsApplication } from '../../../test/harness/accounts-application.js';
import { FirstAdmin } from './first-admin.js';

let app: AccountsApplication;
afterEach(async () => app.close());

const login = async (identifier: string, password: string) =>
  (await app.call('POST', '/auth/login', { body: { identifier, password } })) as {
    status: number;
    body: Record<string, unknown>;
  };

describe('FirstAdmin', () => {
  it('makes one admin in an empty database, however many ask at once, with a password that works', async () => {
    app = await accountsApplication();
    const answers = await Promise.all(Array.from({ length: 5 }, () => app.get(FirstAdmin).ensure()));
    const made = answers.filter((one) => one !== null);
    expect(made).toHaveLength(1);
    expect(made[0]?.email).toBe('admin@steward.local');
    const { status, body } = await login('admin@steward.local', made[0]?.oneTimePassword ?? '');
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { user: { role: 'admin', isSuperuser: true, isVerified: true } },
    });
    expect(await app.get(FirstAdmin).ensure()).toBeNull();
    expect(await app.sql('select 1 from users')).toHaveLength(1);
    const records = await app.sql(`select actor_type, action from audit_logs where action = 'user.create'`);
    expect(records).toEqual([{ actor_type: 'system', action: 'user.create' }]);
  });

  it('takes e-mail and password of the settings and tells no password then', async () => {
    app = await accountsApplication({
      STEWARD_ADMIN_EMAIL: 'Boss@Example.com',
      STEWARD_ADMIN_PASSWORD: 'chosen by the operator',
    });
    expect(await app.get(FirstAdmin).ensure()).toEqual({ email: 'Boss@Example.com', oneTimePassword: null });
    expect((await login('boss@example.com', 'chosen by the operator')).status).toBe(200);
  });

  it('refuses a password that nobody may have, naming the setting', async () => {
    for (const password of ['Password1', 'Steward-2026', 'boss@example.com']) {
      app = await accountsApplication({
        STEWARD_ADMIN_EMAIL: 'Boss@Example.com',
        STEWARD_ADMIN_PASSWORD: password,
      });
      await expect(app.get(FirstAdmin).ensure()).rejects.toThrow('STEWARD_ADMIN_PASSWORD is');
      expect(await app.sql('select 1 from users')).toHaveLength(0);
      if (password !== 'boss@example.com') await app.close();
    }
  });

  it('makes nobody where somebody was before, not even after that one was erased', async () => {
    app = await accountsApplication();
    await app.call('POST', '/auth/register', {
      body: { email: 'early@example.com', password: 'password of early' },
    });
    expect(await app.get(FirstAdmin).ensure()).toBeNull();
    await app.sql('update users set deleted_at = now()');
    expect(await app.get(FirstAdmin).ensure()).toBeNull();
  });
});
