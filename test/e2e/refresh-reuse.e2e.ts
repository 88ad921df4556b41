import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestApp } from '../harness/app.js';
import { TestEventSource } from '../harness/event-source.js';
import { until } from '../harness/until.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start();
});
afterAll(() => app.stop());

interface Tokens {
  readonly accessToken: string;
  readonly refreshToken: string;
}

const credentials = { email: 'loser@example.org', password: 'the password of a loser' };
const refresh = (refreshToken: string) =>
  app.call<Tokens & { code: string }>('POST', '/api/auth/refresh', { token: null, body: { refreshToken } });

it('a refresh token that is used twice ends its session, and its user is told in their other one', async () => {
  const { body: stolen } = await app.call<Tokens>('POST', '/api/auth/register', {
    token: null,
    body: credentials,
  });
  const { body: own } = await app.call<Tokens>('POST', '/api/auth/login', {
    token: null,
    body: { identifier: credentials.email, password: credentials.password },
  });
  const headers = { authorization: `Bearer ${own.accessToken}` };
  const stream = await TestEventSource.open(`${app.url}/api/events?channels=account,notifications`, headers);
  const second = (await refresh(stolen.refreshToken)).body;
  await refresh(second.refreshToken);
  const thief = await refresh(stolen.refreshToken);
  expect([thief.status, thief.body.code]).toEqual([401, 'refresh_reused']);
  for (const { accessToken } of [stolen, second])
    expect((await app.call('GET', '/api/users/me', { token: accessToken })).status).toBe(401);
  const told = await until(
    async () => {
      const { body } = await app.call<{ items: object[] }>('GET', '/api/notifications', {
        token: own.accessToken,
      });
      return body.items.length > 0 ? body.items : null;
    },
    { describe: 'the notification' },
  );
  const sessionId = stolen.refreshToken.split('.')[1];
  expect(told).toMatchObject([{ type: 'auth.refresh_reused', priority: 'high', data: { sessionId } }]);
  // Events of the registration may still be on their way when the stream opens.
  const wanted = ['auth.refresh_reused', 'notification.created'];
  const seen = (): string[] =>
    stream.events.map(({ event }) => event).filter((name) => wanted.includes(name));
  await until(() => seen().length >= 2, { describe: 'the events of the reuse' });
  expect(seen()).toEqual(wanted);
  expect(stream.ended).toBe(false);
  stream.close();
});

it('ASVS 10.4.5: a hundred who refresh with one token at once get one successor and end nothing', async () => {
  const { body } = await app.call<Tokens>('POST', '/api/auth/register', {
    token: null,
    body: { ...credentials, email: 'many-tabs@example.org' },
  });
  const answers = await Promise.all(Array.from({ length: 100 }, () => refresh(body.refreshToken)));
  expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
  const successors = new Set(answers.map((answer) => answer.body.refreshToken));
  expect(successors.size).toBe(1);
  expect((await refresh([...successors][0]!)).status).toBe(200);
  for (const answer of answers)
    expect((await app.call('GET', '/api/users/me', { token: answer.body.accessToken })).status).toBe(200);
});
