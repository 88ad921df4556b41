import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { TestEventSource } from '../../../../test/harness/event-source.js';
import { until } from '../../../../test/harness/until.js';
import { SseRegistry } from '../../../kernel/realtime/index.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start();
});
afterAll(() => app.stop());

async function keyOf(token: string): Promise<{ id: string; key: string }> {
  const body = { name: 'stream', scopes: ['events:read'] };
  return (await app.call<{ id: string; key: string }>('POST', '/api/auth/api-keys', { token, body })).body;
}
const open = (token: string): Promise<TestEventSource> =>
  TestEventSource.open(`${app.url}/api/events`, { authorization: `Bearer ${token}` });

it('the streams of a key end with it at once, and those of the session and of another key go on', async () => {
  const { token } = await app.user();
  const [leaving, staying] = [await keyOf(token), await keyOf(token)];
  const [ending, other, own] = [await open(leaving.key), await open(staying.key), await open(token)];
  expect([ending.ended, other.ended, own.ended]).toEqual([false, false, false]);
  await app.call('DELETE', `/api/auth/api-keys/${leaving.id}`, { token });
  await until(() => ending.ended, { describe: 'the stream of the revoked key to end' });
  await app.get(SseRegistry).beat();
  expect([other.ended, own.ended]).toEqual([false, false]);
  for (const stream of [other, own]) stream.close();
});

it.each(['{"isActive":false}', '{"role":"power_user"}'])(
  'the stream of a key ends at once when its owner is changed to %s',
  async (changes) => {
    const { id, token } = await app.user();
    const stream = await open((await keyOf(token)).key);
    await app.call('PATCH', `/api/users/${id}`, { body: JSON.parse(changes) as unknown });
    await until(() => stream.ended, { describe: 'the stream to end' });
  },
);
