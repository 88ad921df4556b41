import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Keyring } from '../../../kernel/crypto/index.js';
import { RefreshTokens, parseRefreshToken, verdictOn } from './refresh-tokens.js';
import { SigningKeys } from './signing-keys.js';

const tokens = new RefreshTokens(new SigningKeys(new Keyring('a signing secret of 32 characters')));
const sid = '019a9f5e-0000-7000-8000-000000000001';
const nonce = Buffer.alloc(32, 7);
const parsed = (text: string) => parseRefreshToken(text)!;

describe('refresh tokens', () => {
  it('are recognised by who made them', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.nat(999_999_999), (session, counter) => {
        const token = tokens.token(session, counter, nonce);
        expect(parsed(token)).toMatchObject({ sessionId: session, counter });
        expect(tokens.isGenuine(parsed(token), nonce)).toBe(true);
      }),
    );
  });

  it('can be made again, and are different for every session, counter and nonce', () => {
    const made = tokens.token(sid, 3, nonce);
    expect(tokens.token(sid, 3, nonce)).toBe(made);
    expect(tokens.token(sid, 4, nonce).split('.')[3]).not.toBe(made.split('.')[3]);
    expect(tokens.token(sid, 3, Buffer.alloc(32, 8))).not.toBe(made);
    const other = new RefreshTokens(new SigningKeys(new Keyring('another secret of 32 characters!')));
    expect(other.isGenuine(parsed(made), nonce)).toBe(false);
  });

  it('are not genuine when any part was changed', () => {
    const [, , , secret] = tokens.token(sid, 3, nonce).split('.');
    expect(tokens.isGenuine(parsed(`rt.${sid}.4.${secret}`), nonce)).toBe(false);
    expect(tokens.isGenuine(parsed(`rt.${sid.replace('1', '2')}.3.${secret}`), nonce)).toBe(false);
    expect(tokens.isGenuine(parsed(`rt.${sid}.3.${'A'.repeat(43)}`), nonce)).toBe(false);
  });

  it('are stored as a hash from which they cannot be read', () => {
    const secret = tokens.token(sid, 0, nonce).split('.')[3]!;
    expect(tokens.hash(sid, 0, nonce)).toHaveLength(32);
    expect(tokens.hash(sid, 0, nonce).toString('base64url')).not.toBe(secret);
    expect(tokens.hash(sid, 1, nonce)).not.toEqual(tokens.hash(sid, 0, nonce));
  });
});

describe('parseRefreshToken', () => {
  const secret = 'A'.repeat(43);
  it.each([
    '',
    'rt',
    `rt.${sid}.0`,
    `rt.${sid}.-1.${secret}`,
    `rt.${sid}.01.${secret}`,
    `rt.${sid}.1e3.${secret}`,
    `rt.${sid}.9999999999.${secret}`,
    `rt.${sid.toUpperCase()}.0.${secret}`,
    `rt.${sid}.0.${secret}A`,
    `rt.${sid}.0.${secret}\n`,
    `rt.' or 1=1.0.${secret}`,
    `eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.`,
  ])('refuses %j', (text) => expect(parseRefreshToken(text)).toBeNull());
});

describe('verdictOn', () => {
  it.each([
    [5, true, 'current'],
    [5, false, 'current'],
    [4, true, 'repeat'],
    [4, false, 'reuse'],
    [3, true, 'reuse'],
    [0, false, 'reuse'],
    [6, true, 'unknown'],
  ] as const)('counter %i of 5, rotated recently %s: %s', (presented, rotatedRecently, verdict) =>
    expect(verdictOn(presented, { counter: 5, rotatedRecently })).toBe(verdict),
  );
});
