import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from '../harness/app.js';

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly instance: string;
  readonly requestId: string;
  readonly errors: readonly { pointer: string; code: string }[];
}

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start();
});
afterAll(() => app.stop());

/** What the server writes until it closes the connection, for these bytes. */
async function raw(bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  // A server that refuses early may reset what is still being sent.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  await once(socket, 'close');
  return Buffer.concat(parts).toString();
}

const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n\r\n`;
const answersIn = (text: string): string[] =>
  [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status = '']) => status);

/** A whole problem document with this status and code, and nothing after it. */
function problemIn(text: string, status: number, code: string): Problem {
  expect(answersIn(text)).toEqual([String(status)]);
  const [head = '', body = ''] = text.split('\r\n\r\n');
  expect(head.toLowerCase()).toContain('content-type: application/problem+json; charset=utf-8');
  expect(head.toLowerCase()).toContain('cache-control: no-store');
  const problem = JSON.parse(body) as Problem;
  expect(problem).toMatchObject({ status, code, errors: [] });
  expect(head.toLowerCase()).toContain(`x-request-id: ${problem.requestId}`);
  return problem;
}

const request = (...headers: string[]): string =>
  lines('GET /api/health/live HTTP/1.1', 'Host: localhost', 'Connection: close', ...headers);

describe('header fields', () => {
  it.each([
    ['Authorization', 'Bearer a', 'Bearer b'],
    ['Content-Type', 'application/json', 'text/plain'],
    ['If-Match', '"1"', '"2"'],
    ['Idempotency-Key', 'one', 'two'],
    ['Host', 'localhost', 'elsewhere.example'],
    ['host', 'localhost', 'localhost'],
  ])('%s given twice is 400', async (name, one, other) => {
    const both = [`${name}: ${one}`, `${name.toUpperCase()}: ${other}`];
    const text = await raw(
      name.toLowerCase() === 'host'
        ? lines('GET /api/health/live HTTP/1.1', ...both, 'Connection: close')
        : request(...both),
    );
    const problem = problemIn(text, 400, 'header_duplicated');
    expect(problem.instance).toBe('/api/health/live');
  });

  it('that may be lists are taken as often as they come', async () => {
    expect(answersIn(await raw(request('Accept: a/b', 'Accept: c/d', 'X-Other: 1', 'X-Other: 2')))).toEqual([
      '200',
    ]);
  });

  it.each([
    ['one of 20 kB', [`X-Large: ${'x'.repeat(20_000)}`]],
    ['many, 20 kB together', Array.from({ length: 400 }, (_, n) => `X-Many-${n}: ${'x'.repeat(40)}`)],
  ])('that are too large are 431: %s', async (_, headers) => {
    expect(problemIn(await raw(request(...headers)), 431, 'headers_too_large').instance).toBe('/');
  });

  it('without Host are 400', async () => {
    expect(answersIn(await raw(lines('GET /api/health/live HTTP/1.1', 'Connection: close')))).toEqual([
      '400',
    ]);
  });
});

describe('what is no HTTP request', () => {
  it.each<[string, string | Buffer]>([
    ['a line that is not ASCII', Buffer.from('GET /api/jobs/سلام HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['bytes', Buffer.from([0x16, 0x03, 0x01, 0x00, 0xa5, 0x01, 0x00, 0x00])],
    ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['a header without a colon', lines('GET / HTTP/1.1', 'Host: x', 'nonsense')],
    ['a space before the colon', lines('GET / HTTP/1.1', 'Host : x')],
    ['U+0000 in a header', lines('GET / HTTP/1.1', 'Host: x', 'X-A: a\0b')],
  ])('is 400 as a problem document: %s', async (_, bytes) => {
    expect(problemIn(await raw(bytes), 400, 'malformed_request').instance).toBe('/');
  });

  it('does not disturb others', async () => {
    expect((await app.call('GET', '/api/health/live')).status).toBe(200);
  });
});

describe('ASVS 4.2.1: a request whose length can be read in two ways', () => {
  /** Were it read in the other way, this would be a request of its own. */
  const smuggled = 'GET /api/health/live HTTP/1.1\r\nHost: x\r\n\r\n';
  const framed = (body: string, ...headers: string[]): string =>
    `${lines('POST /api/auth/login HTTP/1.1', 'Host: x', 'Content-Type: application/json', ...headers)}${body}`;

  it.each([
    [
      'Content-Length and chunked',
      framed(`0\r\n\r\n${smuggled}`, 'Content-Length: 4', 'Transfer-Encoding: chunked'),
    ],
    [
      'chunked and Content-Length',
      framed(`0\r\n\r\n${smuggled}`, 'Transfer-Encoding: chunked', 'Content-Length: 60'),
    ],
    ['two lengths', framed(`{}${smuggled}`, 'Content-Length: 2', `Content-Length: ${smuggled.length + 2}`)],
    ['two lengths in one line', framed(`{}${smuggled}`, `Content-Length: 2, ${smuggled.length + 2}`)],
    ['a length with a sign', framed(`{}${smuggled}`, 'Content-Length: +2')],
    ['a length in hex', framed(`{}${smuggled}`, 'Content-Length: 0x2')],
    ['a negative length', framed(`{}${smuggled}`, 'Content-Length: -1')],
    ['chunked not last', framed(`0\r\n\r\n${smuggled}`, 'Transfer-Encoding: chunked, identity')],
    ['a folded header', framed(`{}${smuggled}`, 'Content-Length: 2', ' 0')],
    ['a chunk length that is none', framed(`zz\r\n{}\r\n0\r\n\r\n${smuggled}`, 'Transfer-Encoding: chunked')],
  ])('is 400, is the last on its connection, and no second one is answered: %s', async (_, bytes) => {
    const text = await raw(bytes);
    expect(answersIn(text)).toEqual(['400']);
    expect(text.toLowerCase()).toContain('connection: close');
  });
});

async function post(body: string): Promise<{ status: number; problem: Problem }> {
  const answer = await fetch(`${app.url}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: answer.status, problem: (await answer.json()) as Problem };
}

describe('JSON', () => {
  it.each([
    ['{"identifier":"a","password":"b","identifier":"admin"}', '/identifier'],
    ['{"identifier":"a","password":"b","\\u0069dentifier":"admin"}', '/identifier'],
    ['{"a":[{"b":1},{"b":1,"c":{},"b":2}]}', '/a/1/b'],
    ['{"نام":1,"نام":2}', '/نام'],
  ])('with a key given twice is 400 and says where: %s', async (body, pointer) => {
    const { status, problem } = await post(body);
    expect([status, problem.code]).toEqual([400, 'json_key_duplicated']);
    expect(problem.errors).toMatchObject([{ pointer, code: 'json_key_duplicated' }]);
  });

  it.each([
    ['{"__proto__":{"isAdmin":true}}', '/__proto__'],
    ['{"a":[{"b":{"__proto__":{"isAdmin":true}}}]}', '/a/0/b/__proto__'],
    ['{"\\u005f\\u005fproto\\u005f_":{"isAdmin":true}}', '/__proto__'],
    ['{"a":{"constructor":{"prototype":{"isAdmin":true}}}}', '/a/constructor'],
    ['{"a":{"\\u0063onstructor":1}}', '/a/constructor'],
    ['{"prototype":1}', '/prototype'],
  ])('ASVS 15.3.6: that reaches for a prototype is 400 and says where: %s', async (body, pointer) => {
    const { status, problem } = await post(body);
    expect([status, problem.errors[0]]).toMatchObject([400, { pointer, code: 'reserved_name' }]);
    expect(({} as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });

  it('may be nested 32 levels deep and not 33', async () => {
    const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    expect((await post(nested(32))).problem.errors.map(({ code }) => code)).not.toContain('too_deep');
    expect((await post(nested(33))).problem.errors).toMatchObject([{ code: 'too_deep' }]);
  });
});

describe('a number in the query', () => {
  it.each([
    '0x10',
    '1e1',
    '%2010',
    '10%20',
    '+10',
    '10.0',
    '010',
    '-0',
    '1_0',
    '%EF%BC%91%EF%BC%90',
    '%D9%A1',
    'NaN',
    '1n',
  ])('is decimal digits and nothing else: limit=%s is 400', async (limit) => {
    const { status, body } = await app.call<Problem>('GET', `/api/jobs?limit=${limit}`);
    expect([status, body.errors.map(({ pointer }) => pointer)]).toEqual([400, ['/limit']]);
  });

  it.each(['1', '10', '100'])('such as limit=%s', async (limit) => {
    expect((await app.call('GET', `/api/jobs?limit=${limit}`)).status).toBe(200);
  });
});

describe('HEAD and OPTIONS', () => {
  const send = (method: string, place: string) =>
    fetch(`${app.url}${place}`, { method, headers: { authorization: `Bearer ${app.adminToken}` } });

  it.each(['/api/health', '/api/jobs', '/api/users/me', '/docs', '/openapi.json'])(
    'HEAD answers as GET does, without the body: %s',
    async (place) => {
      const [head, get] = [await send('HEAD', place), await send('GET', place)];
      expect([head.status, await head.text()]).toEqual([200, '']);
      expect(head.headers.get('content-type')).toBe(get.headers.get('content-type'));
      expect((await get.text()).length).toBeGreaterThan(0);
    },
  );

  it('HEAD of a stream ends', async () => {
    const answer = await send('HEAD', '/api/events?channels=jobs');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    expect(await answer.text()).toBe('');
  });

  it('HEAD needs who GET needs', async () => {
    expect((await fetch(`${app.url}/api/jobs`, { method: 'HEAD' })).status).toBe(401);
  });

  it.each([
    ['/api/jobs', 'GET, HEAD, OPTIONS, POST'],
    ['/api/jobs/01a1fa1c-9a39-73c5-b829-a80bcaa316f6', 'GET, HEAD, OPTIONS'],
    ['/api/auth/login', 'OPTIONS, POST'],
    ['/api/users/me', 'GET, HEAD, OPTIONS, PATCH'],
  ])('OPTIONS of %s tells what there is', async (place, methods) => {
    const answer = await fetch(`${app.url}${place}`, { method: 'OPTIONS' });
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    const allowed = answer.headers.get('allow')?.split(', ') ?? [];
    for (const method of methods.split(', ')) expect(allowed).toContain(method);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('OPTIONS of what there is not is 404', async () => {
    expect((await fetch(`${app.url}/api/nothing`, { method: 'OPTIONS' })).status).toBe(404);
  });

  it.each(['TRACE', 'TRACK', 'CONNECT'])('ASVS 13.4.4: %s is not answered', async (method) => {
    const text = await raw(
      lines(`${method} /api/health/live HTTP/1.1`, 'Host: x', 'Connection: close', 'X-Mine: secret'),
    );
    expect(text).not.toContain('secret');
    expect(answersIn(text)[0] ?? '404').toMatch(/^4/);
  });
});
