import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HintQueue } from '../../src/kernel/queue/index.js';
import { TestApp } from '../harness/app.js';
import { describeOnBothQueues } from '../harness/backends.js';
import { withClient } from '../harness/database.js';

interface Board {
  readonly queues: readonly {
    readonly name: string;
    readonly readOnlyMode: boolean;
    readonly counts: Readonly<Record<string, number>>;
    readonly jobs: readonly { readonly data: { readonly jobs: readonly (readonly [string, number])[] } }[];
  }[];
}

/** Everything below the path, what there is and what there is not, with every method. */
const PLACES = [
  'GET /admin/queues',
  'GET /admin/queues/',
  'HEAD /admin/queues/',
  'GET /admin/queues/queue/default',
  'GET /admin/queues/static/js/main.js',
  'GET /admin/queues/api/queues',
  'GET /admin/queues/api/queues/default/workers',
  'GET /admin/queues/api/redis/stats',
  'GET /admin/queues/nothing/there',
  'GET /admin/queues/static/..%2f..%2findex.ejs',
  'GET /admin/queues//api/queues',
  'PUT /admin/queues/api/queues/default/empty',
  'PUT /admin/queues/api/queues/default/obliterate',
  'PUT /admin/queues/api/queues/pause',
  'POST /admin/queues/api/queues/default/add',
  'PATCH /admin/queues/api/queues/default/1/update-data',
  'DELETE /admin/queues/api/queues/default',
  'OPTIONS /admin/queues/api/queues',
];

describeOnBothQueues('the view of the queues', (redis) => {
  // No worker: what is put into the queue stays there to be looked at.
  let app: TestApp;
  beforeAll(async () => {
    app = await TestApp.start({ redisUrl: redis, environment: { STEWARD_ROLE: 'api' } });
  });
  afterAll(() => app.stop());

  const ask = (place: string, headers: Record<string, string> = {}, body?: string) => {
    const [method = '', path = ''] = place.split(' ');
    return fetch(`${app.url}${path}`, { method, headers, redirect: 'manual', ...(body ? { body } : {}) });
  };
  const codeOf = async (answer: Response) =>
    answer.headers.get('content-type')?.startsWith('application/problem+json')
      ? ((await answer.json()) as { code: string }).code
      : null;
  const ticketOf = async (token: string, body: object = {}) => {
    const made = await app.call<{ ticket: string }>('POST', '/api/auth/tickets', { token, body });
    expect(made.status).toBe(201);
    return made.body.ticket;
  };
  const enter = (ticket: string) => ask(`GET /admin/queues?ticket=${ticket}`);
  const cookieOf = async (token: string): Promise<Record<string, string>> => {
    const answer = await enter(await ticketOf(token));
    expect(answer.status).toBe(200);
    return { cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '' };
  };

  it.each(PLACES)('%s is shut without credentials, and with what is none', async (place) => {
    expect((await ask(place)).status).toBe(401);
    expect((await ask(place, { cookie: 'steward_queues=e30.e30' })).status).toBe(401);
    const user = await app.user();
    expect((await ask(place, { authorization: `Bearer ${user.token}` })).status).toBe(403);
  });

  it('opens with a ticket of an admin, and shows what waits in the queue', async () => {
    const id = randomUUID();
    await app.get(HintQueue).add('default', [{ jobs: [[id, 7]], dispatchedAt: 1 }]);
    const entered = await enter(await ticketOf(app.adminToken, { path: '/admin/queues' }));
    expect(entered.status).toBe(200);
    const setCookie = entered.headers.get('set-cookie') ?? '';
    expect(setCookie).toMatch(
      /^steward_queues=[\w.-]+; Max-Age=1800; Path=\/admin\/queues; HttpOnly; SameSite=Strict$/,
    );
    expect(await entered.text()).toContain('http-equiv="refresh" content="0; url=/admin/queues/"');
    const headers = { cookie: setCookie.split(';')[0] ?? '' };

    const page = await ask('GET /admin/queues/', headers);
    const html = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(html).toContain('<base href="/admin/queues/" />');
    expect(html).toContain('The jobs themselves are at /api/jobs.');
    const parts = [...html.matchAll(/(?:src|href)="(static\/[^"]+\.(?:js|css))"/g)].map(([, part]) => part);
    expect(parts.length).toBeGreaterThan(3);
    for (const part of parts) {
      const answer = await ask(`GET /admin/queues/${part}`, headers);
      expect([part, answer.status, (await answer.text()).length > 1000]).toEqual([part, 200, true]);
      expect(answer.headers.get('content-type')).toMatch(part?.endsWith('.js') ? /javascript/ : /css/);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }

    const data = await ask('GET /admin/queues/api/queues?activeQueue=default&status=waiting', headers);
    expect(data.status).toBe(200);
    const { queues } = (await data.json()) as Board;
    expect(queues.map((queue) => queue.name).toSorted()).toEqual(['default', 'files']);
    expect(queues.every(({ readOnlyMode }) => readOnlyMode)).toBe(true);
    const shown = queues.find((queue) => queue.name === 'default');
    expect(shown?.counts['waiting']).toBe(1);
    expect(shown?.jobs[0]?.data.jobs).toEqual([[id, 7]]);
    for (const part of [
      'api/redis/stats',
      'api/queues/default/workers',
      'queue/default',
      'api/job-schedulers',
    ])
      expect([part, (await ask(`GET /admin/queues/${part}`, headers)).status]).toEqual([part, 200]);
    expect((await ask('HEAD /admin/queues/', headers)).status).toBe(200);
  });

  it('changes nothing, whoever asks', async () => {
    const headers = await cookieOf(app.adminToken);
    const changing = PLACES.filter((place) => /^(PUT|POST|PATCH|DELETE)/.test(place));
    expect(changing.length).toBeGreaterThan(4);
    for (const place of changing) {
      const answer = await ask(place, { ...headers, 'content-type': 'application/json' }, '{"force":true}');
      expect([place, answer.status, await codeOf(answer)]).toEqual([place, 404, 'route_not_found']);
    }
    const data = await ask('GET /admin/queues/api/queues', headers);
    const { queues } = (await data.json()) as Board;
    expect(queues.find((queue) => queue.name === 'default')?.counts['waiting']).toBe(1);
  });

  it('takes a ticket once, of an admin in person, for this path', async () => {
    const spent = await ticketOf(app.adminToken);
    expect((await enter(spent)).status).toBe(200);
    const again = await enter(spent);
    expect([again.status, await codeOf(again), again.headers.get('set-cookie')]).toEqual([
      401,
      'ticket_invalid',
      null,
    ]);
    const power = await enter(await ticketOf((await app.user('power_user')).token));
    expect([power.status, await codeOf(power)]).toEqual([403, 'role_required']);
    const elsewhere = await enter(await ticketOf(app.adminToken, { path: '/api/events' }));
    expect([elsewhere.status, await codeOf(elsewhere)]).toEqual([401, 'ticket_invalid']);
    const expired = await ticketOf(app.adminToken);
    await withClient(app.settings.databaseUrl ?? '', (sql) =>
      sql.query(`update tickets set expires_at = now()`),
    );
    expect((await enter(expired)).status).toBe(401);
    const { body } = await app.call<{ key: string }>('POST', '/api/auth/api-keys', {
      body: { name: 'board', scopes: ['tickets:write', 'jobs:read'] },
    });
    const key = await enter(await ticketOf(body.key));
    expect([key.status, await codeOf(key)]).toEqual([403, 'session_required']);
    const posted = await ask(`POST /admin/queues?ticket=${await ticketOf(app.adminToken)}`);
    expect(posted.status).toBe(401);
  });

  it('shuts when the session ends and when the role is lost', async () => {
    const [leaving, demoted] = [await app.user('admin'), await app.user('admin')];
    const [first, second] = [await cookieOf(leaving.token), await cookieOf(demoted.token)];
    const look = async (headers: Record<string, string>) =>
      (await ask('GET /admin/queues/api/queues', headers)).status;
    expect([await look(first), await look(second)]).toEqual([200, 200]);
    await app.call('POST', '/api/auth/logout', { token: leaving.token });
    await app.call('PATCH', `/api/users/${demoted.id}`, { body: { role: 'power_user' } });
    expect([await look(first), await look(second)]).toEqual([401, 401]);
  });

  it('lets the page load from here only, and be at home only on its own path', async () => {
    const policy = async (path: string, headers = {}) =>
      (await ask(`GET ${path}`, headers)).headers.get('content-security-policy') ?? '';
    const board = await policy('/admin/queues/', await cookieOf(app.adminToken));
    expect(board).toContain(`default-src 'self'; base-uri 'self'`);
    expect(board).not.toMatch(/unsafe-eval|https?:|\*/);
    expect(await policy('/docs')).toContain(`base-uri 'none'`);
  });
});

describe('without STEWARD_QUEUE_BOARD', () => {
  it('there is nothing at /admin/queues', async () => {
    const app = await TestApp.start({ environment: { STEWARD_QUEUE_BOARD: 'false' } });
    const headers = { authorization: `Bearer ${app.adminToken}` };
    for (const path of ['/admin/queues', '/admin/queues/', '/admin/queues/api/queues'])
      expect((await fetch(`${app.url}${path}`, { headers })).status).toBe(404);
    await app.stop();
  });
});
