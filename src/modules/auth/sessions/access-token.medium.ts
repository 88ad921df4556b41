import { JwtService } from '@nestjs/jwt';
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  TEST_SECRET,
  accountsApplication,
  type AccountsApplication,
} from '../../../../test/harness/accounts-application.js';
import { Keyring } from '../../../kernel/crypto/index.js';
import { SigningKeys } from './signing-keys.js';

let app: AccountsApplication;
let accessToken: string;
let refreshToken: string;
let claims: Record<string, unknown>;

beforeAll(async () => {
  app = await accountsApplication();
  const { body } = await app.call('POST', '/auth/register', {
    body: { email: 'holder@token.test', password: 'password of holder' },
  });
  ({ accessToken, refreshToken } = body as unknown as { accessToken: string; refreshToken: string });
  claims = decode(accessToken.split('.')[1]!);
});
afterAll(async () => app.close());

const key = new SigningKeys(new Keyring(TEST_SECRET)).access;
const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (text: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>;
const header = { alg: 'HS256', typ: 'at+jwt' };

/** A token with a right HS256 signature over whatever it says. */
function signed(
  payload: object,
  head: object = header,
  secret: Parameters<typeof createHmac>[1] = key,
): string {
  const text = `${encode(head)}.${encode(payload)}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
const me = async (token: string | undefined, headers: Record<string, string> = {}) => {
  const { status, body, headers: sent } = await app.call('GET', '/users/me', { token, headers });
  return { status, code: body['code'] as string | undefined, challenge: sent['www-authenticate'] };
};

describe('an access token', () => {
  it('names user and session and says nothing else about the person', () => {
    expect(decode(accessToken.split('.')[0]!)).toEqual(header);
    expect(Object.keys(claims).toSorted()).toEqual(['aud', 'exp', 'iat', 'iss', 'jti', 'sid', 'sub']);
    expect(claims).toMatchObject({ aud: 'steward', iss: 'steward' });
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(600);
  });

  it('is accepted as it is, and so is one signed in this test: the tricks below differ in one thing each', async () => {
    expect((await me(accessToken)).status).toBe(200);
    expect((await me(signed(claims))).status).toBe(200);
    expect((await me(undefined, { authorization: `bearer ${accessToken}` })).status).toBe(200);
  });

  it('is missing without a bearer header', async () => {
    const refused = { status: 401, code: 'token_missing', challenge: 'Bearer' };
    expect(await me(undefined)).toEqual(refused);
    expect(await me(undefined, { authorization: 'Basic YTpi' })).toEqual(refused);
    expect(await me(undefined, { authorization: 'Bearer' })).toEqual(refused);
    expect(await me(undefined, { authorization: accessToken })).toEqual(refused);
  });

  it.each<[string, () => string]>([
    ['alg none', () => `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(claims)}.`],
    ['alg NONE with a signature', () => signed(claims, { alg: 'NONE', typ: 'at+jwt' })],
    ['alg HS512 by the same key', () => jwtWith('HS512')],
    [
      'a changed payload',
      () => accessToken.replace(/\.[^.]+\./, `.${encode({ ...claims, sub: uuidOf(9) })}.`),
    ],
    ['a cut signature', () => accessToken.slice(0, -1)],
    ['no signature', () => accessToken.slice(0, accessToken.lastIndexOf('.') + 1)],
    ['another key', () => signed(claims, header, 'another key')],
    ['the signing secret itself as the key', () => signed(claims, header, TEST_SECRET)],
    [
      'the key of refresh secrets',
      () => signed(claims, header, new SigningKeys(new Keyring(TEST_SECRET)).refreshSecret),
    ],
    ['a key of its own in the header', () => withOwnKey()],
    ['a kid that is a path', () => signed(claims, { ...header, kid: '../../dev/null' }, '')],
    ['a kid, although the key is right', () => signed(claims, { ...header, kid: "x' or '1'='1" })],
    ['a jku, although the key is right', () => signed(claims, { ...header, jku: 'http://127.0.0.1:1/jwks' })],
    ['an x5u, although the key is right', () => signed(claims, { ...header, x5u: 'http://127.0.0.1:1/x' })],
    ['a crit that nobody knows', () => signed(claims, { ...header, crit: ['exp'], b64: false })],
    ['another audience', () => signed({ ...claims, aud: 'other' })],
    ['no audience', () => signed({ ...claims, aud: undefined })],
    ['another issuer', () => signed({ ...claims, iss: 'other' })],
    ['another kind', () => signed(claims, { alg: 'HS256', typ: 'JWT' })],
    ['no kind', () => signed(claims, { alg: 'HS256' })],
    ['no expiry', () => signed({ ...claims, exp: undefined })],
    ['an expiry that is a text', () => signed({ ...claims, exp: '9999999999' })],
    ['no session', () => signed({ ...claims, sid: undefined })],
    ['a session that is no id', () => signed({ ...claims, sid: "' or true --" })],
    ['not valid yet', () => signed({ ...claims, nbf: Number(claims['exp']) })],
    ['a beginning that is no number', () => signed({ ...claims, nbf: 'now' })],
    ['a refresh token', () => refreshToken],
    ['a payload that is a list', () => signed([claims])],
    ['nonsense', () => 'x.y.z'],
  ])('is refused with %s', async (_, make) =>
    expect(await me(make())).toEqual({ status: 401, code: 'token_invalid', challenge: 'Bearer' }),
  );

  it.each([
    ['an expiry 31 s ago', { iat: -631, exp: -31 }, 'token_expired'],
    ['an expiry 25 s ago', { iat: -625, exp: -25 }, undefined],
    ['a beginning in 35 s', { nbf: 35 }, 'token_invalid'],
    ['a beginning in 25 s', { nbf: 25 }, undefined],
    ['an issue in 35 s', { iat: 35 }, 'token_invalid'],
    ['an issue in 25 s', { iat: 25 }, undefined],
    ['an issue in a hundred years', { iat: 3_155_760_000, exp: 3_155_760_600 }, 'token_invalid'],
  ])('ASVS 9.2.1: with %s, clocks being up to 30 s apart: %s %s', async (_, times, code) => {
    const now = Math.floor(performance.timeOrigin / 1000 + performance.now() / 1000);
    const moved = Object.entries(times).map(([name, seconds]) => [name, now + seconds]);
    const answer = await me(signed({ ...claims, ...Object.fromEntries(moved) }));
    expect(answer.code).toBe(code);
  });

  it('is refused for another user or a session that never was', async () => {
    expect(await me(signed({ ...claims, sub: uuidOf(1) }))).toMatchObject({ code: 'session_ended' });
    expect(await me(signed({ ...claims, sid: uuidOf(1) }))).toMatchObject({ code: 'session_ended' });
  });

  it('carries no role: the one of now counts', async () => {
    const list = () => app.call('GET', '/users', { token: signed({ ...claims, role: 'admin' }) });
    expect((await list()).status).toBe(403);
    await app.sql(`update users set role = 'admin' where id = $1`, [claims['sub']]);
    expect((await list()).status).toBe(200);
    await app.sql(`update users set role = 'user' where id = $1`, [claims['sub']]);
    expect((await list()).status).toBe(403);
  });

  it('is judged by its own application when two live in one process', async () => {
    const other = await accountsApplication();
    try {
      expect((await me(accessToken)).status).toBe(200);
      // Same secret, another database: there is no such session.
      const there = await other.call('GET', '/users/me', { token: accessToken });
      expect(there.body['code']).toBe('session_ended');
    } finally {
      await other.close();
    }
  });
});

const uuidOf = (n: number): string => `019a9f5e-0000-7000-8000-${String(n).padStart(12, '0')}`;

function jwtWith(algorithm: 'HS512'): string {
  return new JwtService({ secret: key }).sign(claims, {
    algorithm,
    header: { alg: algorithm, typ: 'at+jwt' },
  });
}

function withOwnKey(): string {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return new JwtService({ privateKey }).sign(claims, {
    algorithm: 'RS256',
    header: { alg: 'RS256', typ: 'at+jwt', jwk: publicKey.export({ format: 'jwk' }) } as never,
  });
}
