import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from '../../../../test/harness/app.js';
import { withClient } from '../../../../test/harness/database.js';
import { TestEventSource } from '../../../../test/harness/event-source.js';
import { until } from '../../../../test/harness/until.js';
import { Keyring } from '../../../kernel/crypto/index.js';
import { Database } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { AccountHooks } from '../../users/index.js';
import { EndedCredentials } from '../ended-credentials.js';

const EVENTS = '/api/events';
const lines: string[] = [];

let app: TestApp;
let other: TestApp;
let person: { id: string; token: string };
beforeAll(async () => {
  const log = Log.create({ level: 'debug', format: 'json' }, { write: (line) => void lines.push(line) });
  app = await TestApp.start({ log });
  other = await TestApp.start();
  person = await app.user();
});
afterAll(async () => {
  await app.stop();
  await other.stop();
});

const sql = async <Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> =>
  withClient(app.settings.databaseUrl!, async (client) => (await client.query<Row>(text, values)).rows);

const ask = (token: string, body?: object) =>
  app.call<{ ticket: string; expiresIn: number; code?: string }>('POST', '/api/auth/tickets', {
    token,
    ...(body ? { body } : {}),
  });
async function ticket(path?: string, token = person.token): Promise<string> {
  const answer = await ask(token, path === undefined ? {} : { path });
  expect(answer.status).toBe(201);
  return answer.body.ticket;
}
async function keyOf(scopes: string[], more: object = {}): Promise<{ id: string; key: string }> {
  const body = { name: 'tickets', scopes, ...more };
  const { status, body: made } = await app.call<{ id: string; key: string }>('POST', '/api/auth/api-keys', {
    token: person.token,
    body,
  });
  expect(status).toBe(201);
  return made;
}

interface Refusal {
  readonly code: string;
  readonly instance: string;
}

/** Status and code of a GET; an event stream is closed as soon as it is open. */
async function get(place: string, headers: Record<string, string> = {}): Promise<[number, string | null]> {
  const answer = await fetch(`${app.url}${place}`, { headers });
  if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
    await answer.body?.cancel();
    return [answer.status, null];
  }
  const { code, instance } = (await answer.json()) as Refusal;
  expect(instance).toBe(place.split('?')[0]);
  return [answer.status, code];
}
const use = (one: string, path = EVENTS, more = '') => get(`${path}?ticket=${one}${more}`);

describe('a ticket', () => {
  it('opens a stream once', async () => {
    const one = await ticket();
    expect(one).toMatch(/^stwt_[A-Za-z0-9_-]{43}$/);
    expect(await use(one)).toEqual([200, null]);
    expect(await use(one)).toEqual([401, 'ticket_invalid']);
  });

  it('is given for a minute, also without a body', async () => {
    const { status, body } = await ask(person.token);
    expect([status, body.expiresIn]).toEqual([201, 60]);
    const [row] = await sql<{ seconds: number }>(
      `select extract(epoch from expires_at - created_at)::int as seconds from tickets order by created_at desc limit 1`,
    );
    expect(row?.seconds).toBe(60);
  });

  it('opens one stream of a hundred that come at the same moment', async () => {
    const one = await ticket();
    const answers = await Promise.all(Array.from({ length: 100 }, () => use(one)));
    expect(answers.filter(([status]) => status === 200)).toHaveLength(1);
    expect(answers.filter(([, code]) => code === 'ticket_invalid')).toHaveLength(99);
  });

  it('is worth nothing after its minute', async () => {
    const one = await ticket();
    await sql(`update tickets set expires_at = now()`);
    expect(await use(one)).toEqual([401, 'ticket_invalid']);
  });

  it('for one path opens no other one, and trying spends it', async () => {
    const path = `/api/jobs/${crypto.randomUUID()}/events`;
    expect(await use(await ticket(path), path)).toEqual([404, 'not_found']);
    const one = await ticket(path);
    expect(await use(one)).toEqual([401, 'ticket_invalid']);
    expect(await use(one, path)).toEqual([401, 'ticket_invalid']);
    expect(await use(await ticket(EVENTS))).toEqual([200, null]);
    expect(await use(await ticket(EVENTS), '/api//events')).toEqual([404, 'route_not_found']);
  });

  it('leaves the other parameters of the query to the route', async () => {
    expect(await use(await ticket(), EVENTS, '&channels=jobs&lastEventId=1-1')).toEqual([200, null]);
    expect(await use(await ticket(), EVENTS, '&nonsense=1')).toEqual([400, 'validation_failed']);
  });

  it('beside a header is 400, and is not spent', async () => {
    const one = await ticket();
    for (const authorization of [`Bearer ${person.token}`, 'Basic YTpi', ''])
      expect(await get(`${EVENTS}?ticket=${one}`, { authorization })).toEqual([400, 'two_credentials']);
    expect(await use(one)).toEqual([200, null]);
  });

  it.each([
    ['/api/users/me', 401, 'ticket_not_accepted'],
    ['/api/jobs', 401, 'ticket_not_accepted'],
    ['/api/auth/sessions', 401, 'ticket_not_accepted'],
    ['/api/nothing', 404, 'route_not_found'],
  ])('counts for nothing at %s (ASVS 14.2.1)', async (path, status, code) => {
    const one = await ticket();
    expect(await use(one, path)).toEqual([status, code]);
    expect(await use(one)).toEqual([200, null]);
  });

  it('is taken for GET only', async () => {
    const one = await ticket();
    const answer = await fetch(`${app.url}${EVENTS}?ticket=${one}`, { method: 'HEAD' });
    expect([401, 404]).toContain(answer.status);
    expect(await use(one)).toEqual([200, null]);
  });

  it('is no access token, no refresh token and no key (ASVS 9.2.2), nor is any of these a ticket', async () => {
    const one = await ticket();
    expect(await get('/api/users/me', { authorization: `Bearer ${one}` })).toEqual([401, 'token_invalid']);
    const { key } = await keyOf(['events:read']);
    for (const text of [
      person.token,
      key,
      '',
      'stwt_',
      'stwt_' + 'A'.repeat(43),
      'ก',
      '%F0%9F%94%91',
      'x'.repeat(3000),
    ])
      expect([text, ...(await use(text))]).toEqual([text, 401, 'ticket_invalid']);
    expect(await use(`${one}&ticket=${one}`)).toEqual([400, 'validation_failed']);
    expect(await use('%00')).toEqual([400, 'validation_failed']);
    expect(await use(one)).toEqual([200, null]);
  });

  it('of one installation opens nothing in another one', async () => {
    const one = await ticket();
    const answer = await fetch(`${other.url}${EVENTS}?ticket=${one}`);
    expect([answer.status, ((await answer.json()) as Refusal).code]).toEqual([401, 'ticket_invalid']);
  });

  it.each([
    ['a query', { path: '/api/events?all=true' }],
    ['a host', { path: 'https://example.org/api/events' }],
    ['a path outside', { path: '/metrics' }],
    ['a fragment', { path: '/api/events#x' }],
    ['a space', { path: '/api/ events' }],
    ['letters that no request line has', { path: '/api/événements' }],
    ['a path that is too long', { path: `/api/${'x'.repeat(2048)}` }],
    ['a number', { path: 3 }],
    ['an owner', { userId: crypto.randomUUID() }],
  ])('is not given for %s', async (_, body) => {
    expect((await ask(person.token, body)).status).toBe(400);
  });
});

describe('whoever made the ticket', () => {
  it('in a session that has ended since: 401', async () => {
    const { token } = await app.user();
    const one = await ticket(undefined, token);
    await app.call('POST', '/api/auth/logout', { token });
    expect(await use(one)).toEqual([401, 'session_ended']);
  });

  it('is deactivated: 401', async () => {
    const { id, token } = await app.user();
    const one = await ticket(undefined, token);
    await app.call('PATCH', `/api/users/${id}`, { body: { isActive: false } });
    expect(await use(one)).toEqual([401, 'session_ended']);
  });

  it('sees what is theirs, with the role of now', async () => {
    const { id, token } = await app.user('admin');
    expect(await use(await ticket(undefined, token), EVENTS, '&all=true')).toEqual([200, null]);
    const one = await ticket(undefined, token);
    await app.call('PATCH', `/api/users/${id}`, { body: { role: 'user' } });
    expect(await use(one, EVENTS, '&all=true')).toEqual([403, 'forbidden']);
  });

  it('logs out: the stream that the ticket has opened ends', async () => {
    const { token } = await app.user();
    const stream = await TestEventSource.open(
      `${app.url}${EVENTS}?ticket=${await ticket(undefined, token)}`,
      {},
    );
    expect(stream.ended).toBe(false);
    await app.call('POST', '/api/auth/logout', { token });
    await until(() => stream.ended, { describe: 'the stream to end' });
  });

  it('is a key: the ticket has its scopes, and ends with it', async () => {
    const { key: reading, id } = await keyOf(['tickets:write', 'events:read']);
    expect(await use(await ticket(undefined, reading))).toEqual([200, null]);
    const { key: blind } = await keyOf(['tickets:write']);
    expect(await use(await ticket(undefined, blind))).toEqual([403, 'scope_required']);
    const { key: mute } = await keyOf(['events:read']);
    const refused = await ask(mute, {});
    expect([refused.status, refused.body.code]).toEqual([403, 'scope_required']);
    const one = await ticket(undefined, reading);
    await app.call('DELETE', `/api/auth/api-keys/${id}`, { token: person.token });
    expect(await use(one)).toEqual([401, 'key_ended']);
  });

  it('is a key bound to addresses: who holds the ticket may be elsewhere', async () => {
    const { key, id } = await keyOf(['tickets:write', 'events:read'], { allowedNetworks: ['127.0.0.1'] });
    const one = await ticket(undefined, key);
    await sql(`update api_keys set allowed_networks = '{203.0.113.0/24}' where id = $1`, [id]);
    expect(await use(one)).toEqual([200, null]);
  });
});

describe('what is kept of a ticket', () => {
  it('is a keyed hash', async () => {
    const one = await ticket(EVENTS);
    const hash = createHmac('sha256', app.get(Keyring).derive('ticket hash')).update(one).digest();
    const rows = await sql<Record<string, unknown>>(`select * from tickets where ticket_hash = $1`, [hash]);
    expect(rows).toEqual([expect.objectContaining({ user_id: person.id, path: EVENTS, api_key_id: null })]);
    expect(JSON.stringify(rows)).not.toContain(one);
  });

  it('is nothing in the log, whatever becomes of the request', async () => {
    const one = await ticket();
    await use(one);
    await use(one);
    await use(one, '/api/users/me');
    await use(one, '/api/nothing');
    await fetch(`${app.url}/api/jobs/%zz?ticket=${one}`);
    const missing = await (await fetch(`${app.url}/api/nothing?ticket=${one}`)).text();
    expect(missing).not.toContain(one);
    expect(await (await fetch(`${app.url}/api/%zz?ticket=${one}`)).text()).not.toContain(one);
    expect(lines.some((line) => line.includes('"/api/events"'))).toBe(true);
    expect(lines.filter((line) => line.includes('stwt_'))).toEqual([]);
  });

  it('goes when its time is over, and when its person is erased', async () => {
    const leaving = await app.user();
    await ticket(undefined, leaving.token);
    await ticket();
    await sql(`update tickets set expires_at = now() - interval '1 second' where user_id = $1`, [person.id]);
    await app.get(EndedCredentials).settle();
    const left = () => sql<{ user_id: string }>(`select distinct user_id from tickets`);
    expect(await left()).toEqual([{ user_id: leaving.id }]);
    await app
      .get(Database)
      .system('test')
      .tx((tx) => app.get(AccountHooks).erased(tx, leaving.id, null));
    expect(await left()).toEqual([]);
  });

  it('is removed together with keys that ended ninety days ago, and no others', async () => {
    const made = await Promise.all(Array.from({ length: 4 }, () => keyOf(['events:read'])));
    const [live, revoked, expired, recent] = made.map(({ id }) => id);
    await sql(
      `update api_keys set revoked_at = now() - interval '91 days', revoked_reason = 'x' where id = $1`,
      [revoked],
    );
    await sql(`update api_keys set expires_at = now() - interval '91 days' where id = $1`, [expired]);
    await sql(`update api_keys set expires_at = now() - interval '89 days' where id = $1`, [recent]);
    await app.get(EndedCredentials).settle();
    const rows = await sql<{ id: string }>(`select id from api_keys where id = any($1)`, [
      made.map(({ id }) => id),
    ]);
    expect(rows.map(({ id }) => id).toSorted()).toEqual([live!, recent!].toSorted());
  });
});
