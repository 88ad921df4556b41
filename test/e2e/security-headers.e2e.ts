import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from '../harness/app.js';

let app: TestApp;
beforeAll(async () => {
  app = await TestApp.start();
});
afterAll(() => app.stop());

/** A page, data, errors of a route, of the router and of the parser, and a stream. */
const ANSWERS: readonly (readonly [string, string])[] = [
  ['GET', '/api/health'],
  ['GET', '/api/nothing'],
  ['GET', '/api/jobs'],
  ['GET', '/api/jobs/%zz'],
  ['GET', '/docs'],
  ['GET', '/docs/swagger-ui-init.js'],
  ['GET', '/openapi.json'],
  ['HEAD', '/docs'],
  ['OPTIONS', '/api/jobs'],
  ['POST', '/api/auth/login'],
];

const each = async (check: (headers: Headers, place: string) => void): Promise<void> => {
  for (const [method, place] of ANSWERS) {
    const { headers } = await fetch(`${app.url}${place}`, { method });
    check(headers, `${method} ${place}`);
  }
};

describe('every answer', () => {
  it('ASVS 3.4.1: demands HTTPS for at least a year, subdomains included', () =>
    each((headers, place) => {
      const [, seconds] =
        /^max-age=(\d+); includeSubDomains$/.exec(headers.get('strict-transport-security') ?? '') ?? [];
      expect([place, Number(seconds) >= 31_536_000]).toEqual([place, true]);
    }));

  it('ASVS 3.4.2: lets pages of no other origin read it', async () => {
    for (const method of ['GET', 'OPTIONS']) {
      const { headers } = await fetch(`${app.url}/api/users/me`, {
        method,
        headers: {
          origin: 'https://evil.example',
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'authorization',
        },
      });
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  it('ASVS 3.4.3: allows no script from elsewhere, no plugin and no other base', () =>
    each((headers, place) => {
      const policy = headers.get('content-security-policy') ?? '';
      const allowed = policy.split(';').map((part) => part.trim());
      if (allowed.includes("default-src 'none'")) return;
      expect([place, allowed]).toEqual([
        place,
        expect.arrayContaining([
          "default-src 'self'",
          "object-src 'none'",
          "base-uri 'none'",
          "script-src-attr 'none'",
        ]),
      ]);
      expect(policy).not.toMatch(/script-src [^;]*(unsafe|https?:|\*)|upgrade-insecure-requests/);
    }));

  it('ASVS 3.4.4, 3.4.5, 3.4.6: is not sniffed, tells no referrer and stands in no frame', () =>
    each((headers, place) => {
      expect([place, headers.get('x-content-type-options')]).toEqual([place, 'nosniff']);
      expect([place, headers.get('referrer-policy')]).toEqual([place, 'no-referrer']);
      expect([place, headers.get('content-security-policy')]).toEqual([
        place,
        expect.stringContaining("frame-ancestors 'none'"),
      ]);
    }));

  it('ASVS 4.1.1: says its type and, where it is text, that it is UTF-8', () =>
    each((headers, place) => {
      if (place.startsWith('OPTIONS')) return;
      expect([place, headers.get('content-type')]).toEqual([
        place,
        expect.stringMatching(
          /^(application\/(problem\+)?json|text\/html|application\/javascript); charset=utf-8$/i,
        ),
      ]);
    }));

  it('ASVS 13.4.6, 14.3.2: says nothing of what serves it and is not kept', () =>
    each((headers, place) => {
      expect([place, headers.get('server'), headers.get('x-powered-by')]).toEqual([place, null, null]);
      const cached = place.includes('/api/') && headers.get('cache-control') !== 'no-store';
      expect([place, cached]).toEqual([place, false]);
    }));

  it('has them also where there was no request to speak of', async () => {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    socket.write('nonsense\r\n\r\n');
    const answer = (await text(socket)).toLowerCase();
    for (const header of [
      'strict-transport-security: max-age=31536000; includesubdomains',
      'x-content-type-options: nosniff',
      "content-security-policy: default-src 'none'; frame-ancestors 'none'",
      'content-type: application/problem+json; charset=utf-8',
    ])
      expect(answer).toContain(header);
  });

  it('of a stream has them, too', async () => {
    const aborter = new AbortController();
    const { headers } = await fetch(`${app.url}/api/events?channels=jobs`, {
      headers: { authorization: `Bearer ${app.adminToken}` },
      signal: aborter.signal,
    });
    aborter.abort();
    expect(headers.get('strict-transport-security')).toMatch(/^max-age=31536000/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(headers.get('cache-control')).toBe('no-store, no-transform');
  });
});
