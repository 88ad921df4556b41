import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp, type Answer } from '../harness/app.js';

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly requestId: string;
  readonly errors: readonly { pointer: string; code: string; detail: string }[];
}

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start();
});
afterAll(() => app.stop());

/** A request whose body is sent as it is given. */
async function send(
  method: string,
  place: string,
  body?: string,
  headers: Record<string, string> = { 'content-type': 'application/json' },
): Promise<Answer<Problem>> {
  const answer = await fetch(`${app.url}${place}`, {
    method,
    headers: { authorization: `Bearer ${app.adminToken}`, ...(body === undefined ? {} : headers) },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: JSON.parse(text) as Problem };
}

/** The places that a problem document names, after a look whether it is whole and has this status and code. */
function pointersOf({ status, headers, body }: Answer<Problem>, wanted: number, code: string): string[] {
  expect([status, body.status, body.code]).toEqual([wanted, wanted, code]);
  expect(headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  expect(headers.get('cache-control')).toBe('no-store');
  expect(headers.get('x-request-id')).toBe(body.requestId);
  expect(body).toMatchObject({
    type: `https://steward.dev/problems/${code}`,
    title: expect.stringMatching(/^[A-Z]/) as string,
    detail: expect.stringMatching(/./) as string,
    instance: expect.stringMatching(/^\//) as string,
  });
  return body.errors.map(({ pointer }) => pointer);
}

describe('a body', () => {
  it.each(['{', '{"identifier": }', '[1,', 'nonsense', '{"a":1}}', "{'a': 1}"])(
    'that is no JSON is 400: %s',
    async (body) => {
      expect(pointersOf(await send('POST', '/api/auth/login', body), 400, 'malformed_json')).toEqual([]);
    },
  );

  it('that is missing, or empty although it says to be JSON, is 400 where one is needed', async () => {
    for (const body of [undefined, ''])
      expect(pointersOf(await send('POST', '/api/auth/login', body), 400, 'validation_failed')).toHaveLength(
        1,
      );
  });

  it('that is empty is no matter where none is needed', async () => {
    const id = '01a1fa1c-9a39-73c5-b829-a80bcaa316f6';
    const answer = await app.call('POST', `/api/jobs/${id}/cancel`, {
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(404); // no such job, and not 400
  });

  it('of 10 MB is 413, with or without its length told', async () => {
    const body = JSON.stringify({ identifier: 'x'.repeat(10_000_000), password: 'y' });
    expect(pointersOf(await send('POST', '/api/auth/login', body), 413, 'body_too_large')).toEqual([]);
    const stream = new Blob([body]).stream();
    const init = {
      method: 'POST',
      body: stream,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    };
    const answer = await fetch(`${app.url}/api/auth/login`, init as RequestInit);
    expect([answer.status, ((await answer.json()) as Problem).code]).toEqual([413, 'body_too_large']);
  });

  it.each([
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ])('of the type %s is 415', async (type) => {
    const answer = await send('POST', '/api/auth/login', 'identifier=a', { 'content-type': type });
    expect(pointersOf(answer, 415, 'unsupported_media_type')).toEqual([]);
  });

  it.each(['null', '3', '"text"', 'true', '[]'])('that is no object is 400: %s', async (body) => {
    expect(pointersOf(await send('POST', '/api/auth/login', body), 400, 'validation_failed')).toHaveLength(1);
  });

  it.each([
    ['{"identifier":"a\\u0000b","password":"x"}', '/identifier', 'nul_character'],
    ['{"identifier":"a","password":"\\ud800x"}', '/password', 'malformed_unicode'],
    ['{"identifier":"a","password":"\\udc00"}', '/password', 'malformed_unicode'],
    ['{"a":[{"b/c":"\\u0000"}]}', '/a/0/b~1c', 'nul_character'],
    ['{"a\\u0000":1}', '/a␀', 'nul_character'],
    ['{"\\ud800":1}', '/\ufffd', 'malformed_unicode'],
  ])('with text that cannot be stored is 400 and says where: %s', async (body, pointer, code) => {
    const answer = await send('POST', '/api/auth/login', body);
    expect(pointersOf(answer, 400, 'validation_failed')).toEqual([pointer]);
    expect(answer.body.errors[0]?.code).toBe(code);
  });

  it('nested 200 or 100 000 levels deep is 400', async () => {
    for (const depth of [200, 100_000]) {
      const answer = await send('POST', '/api/auth/login', `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`);
      expect(pointersOf(answer, 400, 'validation_failed')).toHaveLength(1);
      expect(answer.body.errors[0]?.code).toBe('too_deep');
    }
  });

  it.each([
    '{"identifier":"a","password":"b","__proto__":{"isAdmin":true}}',
    '{"identifier":"a","password":"b","constructor":{"prototype":{"isAdmin":true}}}',
    '{"__proto__":null}',
  ])('that reaches for a prototype is 400 and changes none: %s', async (body) => {
    const answer = await send('POST', '/api/auth/login', body);
    expect([answer.status, answer.body.status]).toEqual([400, 400]);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it('with a number that no double holds is 400, not stored as null', async () => {
    const answer = await send('PATCH', '/api/users/me', '{"metadata":{"n":[1e309]}}');
    expect(pointersOf(answer, 400, 'validation_failed')).toEqual(['/metadata/n/0']);
    expect(answer.body.errors[0]?.code).toBe('number_too_large');
  });

  it('with unknown fields is 400 and names each', async () => {
    const answer = await send(
      'POST',
      '/api/auth/login',
      '{"identifier":"a","password":"b","role":"admin","x/y":1}',
    );
    expect(pointersOf(answer, 400, 'validation_failed')).toEqual(['/role', '/x~1y']);
    expect(answer.body.errors.map(({ code }) => code)).toEqual(['unknown_field', 'unknown_field']);
  });

  it('that breaks several rules names every field', async () => {
    const answer = await send('POST', '/api/users', '{"email":3,"role":"king","isActive":"yes"}');
    expect(pointersOf(answer, 400, 'validation_failed').toSorted()).toEqual(['/email', '/isActive', '/role']);
  });
});

describe('a query or path', () => {
  it('with an unknown parameter is 400', async () => {
    expect(pointersOf(await send('GET', '/api/jobs?limits=3'), 400, 'validation_failed')).toEqual([
      '/limits',
    ]);
  });

  it('with a parameter given twice is 400', async () => {
    expect(pointersOf(await send('GET', '/api/jobs?limit=1&limit=2'), 400, 'validation_failed')).toEqual([
      '/limit',
    ]);
  });

  it.each(['__proto__', 'constructor', 'prototype'])(
    'that reaches for a prototype is 400: %s',
    async (name) => {
      const answer = await send('GET', `/api/jobs?${name}=1`);
      expect(pointersOf(answer, 400, 'validation_failed')).toEqual([`/${name}`]);
    },
  );

  it.each(['/api/jobs?type=a%00b', '/api/users?q=%00'])('with U+0000 is 400: %s', async (place) => {
    const answer = await send('GET', place);
    expect(pointersOf(answer, 400, 'validation_failed')).toHaveLength(1);
    expect(answer.body.errors[0]?.code).toBe('nul_character');
  });

  it('with U+0000 in the path is 400', async () => {
    expect(pointersOf(await send('GET', '/api/jobs/a%00b'), 400, 'validation_failed')).toEqual(['/id']);
  });

  it.each(['/api/jobs/%ED%A0%80', '/api/jobs/%zz', '/api/jobs/%'])(
    'that is no UTF-8 is 400: %s',
    async (place) => {
      const answer = await send('GET', place);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    },
  );

  it.each(['0', '101', '-1', '1.5', 'many', '', '1e9'])('with limit=%s is 400', async (limit) => {
    expect(pointersOf(await send('GET', `/api/jobs?limit=${limit}`), 400, 'validation_failed')).toEqual([
      '/limit',
    ]);
  });

  it('with an id that is none is 400', async () => {
    expect(pointersOf(await send('GET', '/api/jobs/7'), 400, 'validation_failed')).toEqual(['/id']);
  });
});

describe('a route', () => {
  it.each(['/api/nothing', '/nothing', '/api', '/api/jobs/../../etc/passwd', '/api/JOBS'])(
    'that does not exist is 404: %s',
    async (place) => {
      expect(pointersOf(await send('GET', place), 404, 'route_not_found')).toEqual([]);
    },
  );

  it.each(['PUT', 'PATCH', 'DELETE'])(
    'does not answer the method %s that it does not have',
    async (method) => {
      expect(pointersOf(await send(method, '/api/jobs'), 404, 'route_not_found')).toEqual([]);
    },
  );

  it('that needs an actor is 401 with a challenge without one', async () => {
    const answer = await app.call<Problem>('GET', '/api/jobs', { token: null });
    expect(pointersOf(answer, 401, answer.body.code)).toEqual([]);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('asks who somebody is before it looks at the body', async () => {
    const answer = await app.call<Problem>('POST', '/api/jobs', { token: null, body: { nonsense: true } });
    expect(answer.status).toBe(401);
  });

  it('that needs another role is 403', async () => {
    const { token } = await app.user();
    expect(
      pointersOf(await app.call<Problem>('GET', '/api/audit-logs', { token }), 403, 'role_required'),
    ).toEqual([]);
  });
});

describe('a request id', () => {
  it.each(['client-id.0001_x', 'A'.repeat(128)])('that is well formed is kept: %s', async (id) => {
    const answer = await app.call<Problem>('GET', '/api/nothing', { headers: { 'x-request-id': id } });
    expect([answer.headers.get('x-request-id'), answer.body.requestId]).toEqual([id, id]);
  });

  it.each(['short', 'A'.repeat(129), 'with space 1234', '<script>alert</script>', 'a'.repeat(20) + '{}'])(
    'that is not is replaced: %s',
    async (id) => {
      const answer = await app.call<Problem>('GET', '/api/nothing', { headers: { 'x-request-id': id } });
      expect(answer.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
      expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
    },
  );

  it('is on every answer', async () => {
    expect((await app.call('GET', '/api/health')).headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
  });
});
