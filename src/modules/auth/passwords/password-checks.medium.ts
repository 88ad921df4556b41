import { hash as argon2 } from '@node-rs/argon2';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { PasswordHasher, UsersService } from '../../users/index.js';

const FLOOR_MS = 120;
const PASSWORD = 'ключ на старт, ' + 'и ещё много слов '.repeat(4);

let app: AccountsApplication;
let count = 0;
beforeAll(async () => {
  app = await accountsApplication({ STEWARD_LOGIN_FLOOR_MS: String(FLOOR_MS) });
});
afterAll(async () => app.close());

const login = (identifier: string, password = PASSWORD) =>
  app.call('POST', '/auth/login', { body: { identifier, password } });

/** An account whose hash was made elsewhere. */
async function imported(passwordHash: string): Promise<{ id: string; email: string }> {
  const email = `imported${count++}@auth.test`;
  const system = { type: 'system', name: 'test' } as const;
  const { id } = await app.get(UsersService).createWithPassword(system, { email });
  await app.sql('update users set password_hash = $2 where id = $1', [id, passwordHash]);
  return { id, email };
}

const storedHash = async (id: string): Promise<string> =>
  (await app.sql<{ password_hash: string }>('select password_hash from users where id = $1', [id]))[0]!
    .password_hash;

describe('an imported hash', () => {
  it.each(['2a', '2b', '2y'])(
    'of bcrypt ($%s$) logs its person in and is replaced by one of the whole password',
    async (version) => {
      const { id, email } = await imported((await bcrypt(PASSWORD, 4)).replace(/^\$2.\$/, `$${version}$`));
      // 73 bytes and more were not looked at where it was made; nobody's login may fail for that once.
      expect((await login(email, PASSWORD + 'and more')).status).toBe(200);
      expect(await storedHash(id)).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
      expect((await login(email, PASSWORD + 'and more')).status).toBe(200);
      expect((await login(email, PASSWORD)).status).toBe(401);
    },
  );

  it('of weaker argon2 is replaced, one of today stays', async () => {
    const weak = await imported(await argon2(PASSWORD, { memoryCost: 8_192, timeCost: 1, parallelism: 1 }));
    expect((await login(weak.email)).status).toBe(200);
    const upgraded = await storedHash(weak.id);
    expect(upgraded).toMatch(/\$m=19456,t=2,p=1\$/);
    expect((await login(weak.email)).status).toBe(200);
    expect(await storedHash(weak.id)).toBe(upgraded);
    const records = await app.sql(
      `select actor_type from audit_logs where action = 'user.upgrade_password_hash' and resource_id = $1`,
      [weak.id],
    );
    expect(records).toEqual([{ actor_type: 'system' }]);
  });

  it('stays when the password is wrong', async () => {
    const stored = await bcrypt(PASSWORD, 4);
    const { id, email } = await imported(stored);
    expect((await login(email, 'another password')).status).toBe(401);
    expect(await storedHash(id)).toBe(stored);
  });

  it.each(['$1$abc$something', 'plain text password', PASSWORD, ''])(
    'of an unknown kind lets nobody in: %s',
    async (stored) => {
      const { id, email } = await imported(stored);
      for (const password of [PASSWORD, stored, 'plain text password'].filter((one) => one !== ''))
        expect((await login(email, password)).status).toBe(401);
      expect(await storedHash(id)).toBe(stored);
    },
  );

  it('is replaced once by many logins at the same moment, all of which succeed', async () => {
    const { id, email } = await imported(await bcrypt(PASSWORD, 4));
    const answers = await Promise.all(Array.from({ length: 8 }, () => login(email)));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200));
    expect(await app.sql('select 1 from sessions where user_id = $1', [id])).toHaveLength(8);
    const records = await app.sql(
      `select 1 from audit_logs where action = 'user.upgrade_password_hash' and resource_id = $1`,
      [id],
    );
    expect(records).toHaveLength(1);
  });
});

describe('a login whose password is replaced while it is checked', () => {
  it('is refused', async () => {
    const { id, email } = await imported(await bcrypt(PASSWORD, 4));
    const [hasher, users] = [app.get(PasswordHasher), app.get(UsersService)];
    const next = await hasher.hash('the one that came after');
    // Read before the change and used after it, as by a login that was waiting for its turn.
    const known = (await users.credentials(app.database.read, email))!;
    await app.sql('update users set password_hash = $2 where id = $1', [id, next]);
    await app.database.tx(async (tx) => {
      expect(await users.keepPassword(tx, known, null)).toBe(false);
      expect(await users.keepPassword(tx, known, await hasher.hash(PASSWORD))).toBe(false);
    });
    expect(await storedHash(id)).toBe(next);
    expect((await login(email)).status).toBe(401);
  });
});

describe('a refused login', () => {
  it('does the same work and takes the same least time, whatever is wrong', async () => {
    const { email: ours } = await imported(await app.get(PasswordHasher).hash(PASSWORD));
    const { email: theirs } = await imported(await bcrypt(PASSWORD, 4));
    const { id, email: inactive } = await imported(await app.get(PasswordHasher).hash(PASSWORD));
    await app.sql('update users set is_active = false where id = $1', [id]);
    const cases: [string, string][] = [
      [ours, 'wrong password'],
      [theirs, 'wrong password'],
      ['nobody@auth.test', PASSWORD],
      ['not@@an address', PASSWORD],
      [inactive, PASSWORD],
    ];
    for (const [identifier, password] of cases) {
      const began = performance.now();
      expect(await login(identifier, password)).toMatchObject({
        status: 401,
        body: { code: 'credentials_wrong' },
      });
      // Timers may fire a millisecond early; work may take longer, but never less.
      expect(performance.now() - began).toBeGreaterThan(FLOOR_MS - 2);
    }
  });
});

describe('a login beyond what can wait', () => {
  it('is answered 503 with Retry-After, and the next one works again', async () => {
    const { email } = await imported(await app.get(PasswordHasher).hash(PASSWORD));
    // Fills every place of those who wait, as a storm of logins does.
    const storm = Promise.allSettled(
      Array.from({ length: 200 }, () => app.get(PasswordHasher).matches(null, 'anything')),
    );
    const answer = await login(email);
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'too_many_logins' },
      headers: { 'retry-after': '2' },
    });
    await storm;
    expect((await login(email)).status).toBe(200);
  });
});
