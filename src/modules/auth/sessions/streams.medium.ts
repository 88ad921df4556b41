import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { withClient } from '../../../../test/harness/database.js';
import { TestEventSource } from '../../../../test/harness/event-source.js';
import { until } from '../../../../test/harness/until.js';
import { Database } from '../../../kernel/database/index.js';
import { CredentialChanges, SseRegistry } from '../../../kernel/realtime/index.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start();
});
afterAll(() => app.stop());

const open = (token: string, query = ''): Promise<TestEventSource> =>
  TestEventSource.open(`${app.url}/api/events${query}`, { authorization: `Bearer ${token}` });

it.each(['{"role":"user"}', '{"isActive":false}'])(
  'an admin who is changed to %s sees the events of others no more',
  async (changes) => {
    const { id, token } = await app.user('admin');
    const [watching, other] = [await open(token, '?all=true'), await open(app.adminToken, '?all=true')];
    await app.get(SseRegistry).beat();
    expect([watching.ended, other.ended]).toEqual([false, false]);
    await app.call('PATCH', `/api/users/${id}`, { body: JSON.parse(changes) as unknown });
    await until(() => watching.ended, {
      timeoutMs: 10_000,
      describe: 'the stream to end, before the next beat',
    });
    expect(other.ended).toBe(false);
    other.close();
  },
);

it('the streams of a session end with it, and those of other sessions go on', async () => {
  const [leaving, staying] = [await app.user(), await app.user()];
  const [one, two, other] = [await open(leaving.token), await open(leaving.token), await open(staying.token)];
  await app.call('POST', '/api/auth/logout', { token: leaving.token });
  await until(() => one.ended && two.ended, {
    timeoutMs: 10_000,
    describe: 'both streams to end, before the next beat',
  });
  expect(other.ended).toBe(false);
  other.close();
});

it('a stream whose end nobody announced ends with the next heartbeat', async () => {
  const { id, token } = await app.user();
  const stream = await open(token);
  await withClient(app.settings.databaseUrl!, (client) =>
    client.query('update sessions set revoked_at = now() where user_id = $1', [id]),
  );
  await app.get(SseRegistry).beat();
  await until(() => stream.ended, { describe: 'the stream to end' });
});

it('news about a session that goes on ends none of its streams', async () => {
  const { id, token } = await app.user();
  const stream = await open(token);
  await app.get(Database).tx(async (tx) => app.get(CredentialChanges).announce(tx, { userIds: [id] }));
  await app.get(SseRegistry).beat();
  expect(stream.ended).toBe(false);
  stream.close();
});
