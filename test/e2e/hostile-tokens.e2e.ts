import { JwtService } from '@nestjs/jwt';
import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Keyring } from '../../src/kernel/crypto/index.js';
import { Log } from '../../src/kernel/log/index.js';
import { SigningKeys } from '../../src/modules/auth/sessions/signing-keys.js';
import { TestApp } from '../harness/app.js';

const SECRET = 'the signing secret of the hostile tests';
const key = new SigningKeys(new Keyring(SECRET)).access;
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly reason?: string;
  readonly requestId?: string;
}

const lines: Line[] = [];
let written = '';
let app: TestApp;
let accessToken: string;
let refreshToken: string;
let claims: Record<string, unknown>;

beforeAll(async () => {
  const write = (line: string): void => {
    written += line;
    lines.push(JSON.parse(line) as Line);
  };
  app = await TestApp.start({
    environment: { STEWARD_SECRET: SECRET },
    log: Log.create({ level: 'info', format: 'json' }, { write }),
  });
  const { body } = await app.call<{ accessToken: string; refreshToken: string }>(
    'POST',
    '/api/auth/register',
    { token: null, body: { email: 'victim@example.org', password: 'password of the victim' } },
  );
  ({ accessToken, refreshToken } = body);
  claims = JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString()) as typeof claims;
});
afterAll(() => app.stop());

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const HEADER = { alg: 'HS256', typ: 'at+jwt' };

/** Signed with HS256 whatever the header says. */
function signed(payload: object, head: object = HEADER, secret: Parameters<typeof createHmac>[1] = key) {
  const text = `${encode(head)}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
const changed = (changes: object): string => {
  const [head, , signature] = accessToken.split('.');
  return `${head}.${encode({ ...claims, ...changes })}.${signature}`;
};
const byOwnKey = (): string =>
  new JwtService({ privateKey }).sign(claims, {
    algorithm: 'RS256',
    header: {
      alg: 'RS256',
      typ: 'at+jwt',
      jwk: publicKey.export({ format: 'jwk' }),
      jku: 'http://127.0.0.1:1/jwks.json',
    } as never,
  });

/** One request with exactly these headers, over a socket. */
function send(headers: readonly [string, string][], path = '/api/users/me') {
  return new Promise<{ status: number; requestId: string; code: string | undefined }>((resolve, reject) => {
    const { host } = new URL(app.url);
    request(`${app.url}${path}`, { headers: [['Host', host], ...headers].flat(), agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => (text += part));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          requestId: String(answer.headers['x-request-id']),
          code: text.startsWith('{') ? (JSON.parse(text) as { code?: string }).code : undefined,
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}

/** The lines about the token of that request. */
const refusals = (requestId: string) =>
  lines.filter((line) => line.requestId === requestId && line.msg === 'an access token was refused');

const WARN = 40;
const INFO = 30;
const now = (): number => Math.floor((performance.timeOrigin + performance.now()) / 1000);
const session = (n: number): string => `019a9f5e-0000-7000-8000-${String(n).padStart(12, '0')}`;

describe('an access token somebody has made or changed', () => {
  it('is compared with one that is right', async () => {
    expect((await send([['Authorization', `Bearer ${accessToken}`]])).status).toBe(200);
    expect((await send([['Authorization', `Bearer ${signed(claims)}`]])).status).toBe(200);
  });

  it.each<[string, () => string, string, string, number]>([
    [
      'ASVS 9.1.2: alg none',
      () => `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims)}.`,
      'token_invalid',
      'signature',
      WARN,
    ],
    [
      'ASVS 9.1.2: alg none with a signature',
      () => signed(claims, { alg: 'none', typ: 'at+jwt' }),
      'token_invalid',
      'algorithm',
      WARN,
    ],
    [
      'ASVS 9.1.2: alg nOnE',
      () => signed(claims, { alg: 'nOnE', typ: 'at+jwt' }),
      'token_invalid',
      'algorithm',
      WARN,
    ],
    [
      'ASVS 9.1.2: RS256 in the header, our key as HMAC',
      () => signed(claims, { alg: 'RS256', typ: 'at+jwt' }),
      'token_invalid',
      'algorithm',
      WARN,
    ],
    [
      'ASVS 9.1.2: HS256 with a public key as the secret',
      () =>
        signed(
          claims,
          HEADER,
          createPublicKey(publicKey.export({ type: 'spki', format: 'pem' })).export({
            type: 'spki',
            format: 'pem',
          }),
        ),
      'token_invalid',
      'signature',
      WARN,
    ],
    ['ASVS 9.1.3: a key of its own (jwk, jku)', byOwnKey, 'token_invalid', 'algorithm', WARN],
    [
      'ASVS 9.1.3: an unknown kid',
      () => signed(claims, { ...HEADER, kid: 'k2' }),
      'token_invalid',
      'kind_or_claims',
      WARN,
    ],
    [
      'ASVS 9.1.3: a kid that is a path',
      () => signed(claims, { ...HEADER, kid: '../../../../dev/null' }, ''),
      'token_invalid',
      'signature',
      WARN,
    ],
    [
      'ASVS 9.1.3: a kid that is SQL',
      () => signed(claims, { ...HEADER, kid: "x' union select 'secret" }, 'secret'),
      'token_invalid',
      'signature',
      WARN,
    ],
    [
      'ASVS 9.1.3: x5u and x5c',
      () => signed(claims, { ...HEADER, x5u: 'http://127.0.0.1:1/', x5c: ['AAAA'] }),
      'token_invalid',
      'kind_or_claims',
      WARN,
    ],
    ['ASVS 9.1.1: another user', () => changed({ sub: session(7) }), 'token_invalid', 'signature', WARN],
    ['ASVS 9.1.1: a longer life', () => changed({ exp: now() + 1e6 }), 'token_invalid', 'signature', WARN],
    ['ASVS 9.1.1: a cut signature', () => accessToken.slice(0, -2), 'token_invalid', 'signature', WARN],
    [
      'ASVS 9.2.1: expired',
      () => signed({ ...claims, iat: now() - 900, exp: now() - 300 }),
      'token_expired',
      'expired',
      INFO,
    ],
    [
      'ASVS 9.2.1: not valid yet',
      () => signed({ ...claims, nbf: now() + 300 }),
      'token_invalid',
      'not_valid_yet',
      WARN,
    ],
    [
      'ASVS 9.2.1: issued far in the future',
      () => signed({ ...claims, iat: now() + 9e8, exp: now() + 9e8 + 600 }),
      'token_invalid',
      'issued_in_the_future',
      WARN,
    ],
    [
      'ASVS 9.2.3: another audience',
      () => signed({ ...claims, aud: 'x' }),
      'token_invalid',
      'audience',
      WARN,
    ],
    ['another issuer', () => signed({ ...claims, iss: 'x' }), 'token_invalid', 'issuer', WARN],
    [
      'ASVS 9.2.2: another kind of token',
      () => signed(claims, { alg: 'HS256', typ: 'JWT' }),
      'token_invalid',
      'kind_or_claims',
      WARN,
    ],
    ['ASVS 9.2.2: a refresh token', () => refreshToken, 'token_invalid', 'malformed', WARN],
    [
      'a session there never was',
      () => signed({ ...claims, sid: session(1) }),
      'session_ended',
      'session_ended',
      INFO,
    ],
    [
      'a session of somebody else',
      () => signed({ ...claims, sub: session(2) }),
      'session_ended',
      'session_ended',
      INFO,
    ],
    [
      'U+0000 and other nonsense',
      () => encode({ a: '\u0000' }).repeat(3),
      'token_invalid',
      'malformed',
      WARN,
    ],
    [
      'too long a token',
      () => signed({ ...claims, x: 'x'.repeat(4_000) }),
      'token_invalid',
      'oversized',
      WARN,
    ],
  ])('%s: 401 and one line with the reason', async (_, make, code, reason, level) => {
    const token = make();
    const answer = await send([['Authorization', `Bearer ${token}`]]);
    expect(answer).toMatchObject({ status: 401, code });
    expect(refusals(answer.requestId)).toMatchObject([{ reason, level }]);
    for (const part of token.split('.').filter(({ length }) => length > 20))
      expect(written).not.toContain(part.slice(0, 40));
  });

  it.each<[string, [string, string][]]>([
    ['the same twice', [1, 2].map(() => ['Authorization', 'Bearer right'])],
    [
      'one right and one wrong',
      [
        ['Authorization', 'Bearer right'],
        ['authorization', 'Bearer x.y.z'],
      ],
    ],
    [
      'bearer and basic',
      [
        ['Authorization', 'Bearer right'],
        ['AUTHORIZATION', 'Basic YTpi'],
      ],
    ],
  ])('repeated Authorization headers are refused: %s', async (_, headers) => {
    const sent = headers.map(([name, value]): [string, string] => [
      name,
      value.replace('right', accessToken),
    ]);
    const answer = await send(sent);
    expect(answer).toMatchObject({ status: 400, code: 'header_duplicated' });
    const told = lines.filter(({ requestId, level }) => requestId === answer.requestId && level === WARN);
    expect(told).toMatchObject([{ field: 'authorization', msg: 'a repeated header field was refused' }]);
  });

  it('two tokens in one header are none', async () => {
    const answer = await send([['Authorization', `Bearer ${accessToken}, Bearer ${accessToken}`]]);
    expect(answer).toMatchObject({ status: 401, code: 'token_invalid' });
  });

  it.each(['access_token', 'token', 'authorization', 'bearer'])(
    'ASVS 14.2.1: in the query as %s it counts for nothing and is not logged',
    async (name) => {
      const answer = await send([], `/api/users/me?${name}=${accessToken}`);
      expect(answer).toMatchObject({ status: 401, code: 'token_missing' });
      expect(refusals(answer.requestId)).toEqual([]);
      expect(written).not.toContain(accessToken.split('.')[1]);
    },
  );

  it('in a cookie or a body it counts for nothing', async () => {
    expect(await send([['Cookie', `access_token=${accessToken}`]])).toMatchObject({ code: 'token_missing' });
    const { status } = await app.call('PATCH', '/api/users/me', { token: null, body: { accessToken } });
    expect(status).toBe(401);
  });

  it('headers beyond what the server reads are refused before anything looks at them', async () => {
    expect((await send([['Authorization', `Bearer ${'x'.repeat(100_000)}`]])).status).toBe(431);
  });

  it('ASVS 9.2.2: an access token is no refresh token', async () => {
    const { status, body } = await app.call<{ code: string }>('POST', '/api/auth/refresh', {
      token: null,
      body: { refreshToken: accessToken },
    });
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'refresh_invalid' });
  });

  it('after all of it the right one still works', async () => {
    expect((await send([['Authorization', `Bearer ${accessToken}`]])).status).toBe(200);
  });
});
