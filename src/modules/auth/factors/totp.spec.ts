import { describe, expect, it } from 'vitest';
import { enrolmentOf, newTotpSecret, stepOf } from './totp.js';

/** The secret of RFC 6238's test values. */
const RFC = Buffer.from('12345678901234567890');
const at = (seconds: number): Date => new Date(seconds * 1000);

describe('a code of time', () => {
  // Appendix B of RFC 6238, the last six of its eight digits.
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('is that of RFC 6238 at %d', (seconds, code) =>
    expect(stepOf(RFC, code, at(seconds))).toBe(Math.floor(seconds / 30)),
  );

  it('ASVS 6.5.5: counts in its own step of 30 s, the one before and the one after', () => {
    // The code of step 1, from 30 to 59.
    for (const [seconds, step] of [
      [0, 1],
      [30, 1],
      [59.999, 1],
      [60, 1],
      [89.999, 1],
      [90, null],
      [-0.001, null],
    ] as const)
      expect([seconds, stepOf(RFC, '287082', at(seconds))]).toEqual([seconds, step]);
  });

  it.each(['', '28708', '2870822', '28708a', '۲۸۷۰۸۲', ' 287082', '287082\n', '🔑'])('is never %j', (code) =>
    expect(stepOf(RFC, code, at(59))).toBeNull(),
  );
});

describe('setting one up', () => {
  it('ASVS 6.5.3: makes 160 random bits each time', () => {
    const [one, other] = [newTotpSecret(), newTotpSecret()];
    expect([one.length, other.length]).toEqual([20, 20]);
    expect(one.equals(other)).toBe(false);
  });

  it('gives the address in the form authenticators read, whatever the account is called', () => {
    const { secret, otpauthUri } = enrolmentOf(RFC, 'سارا+a:b?&@مثال.ایران');
    expect(secret).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    const uri = new URL(otpauthUri);
    expect([uri.protocol, uri.host]).toEqual(['otpauth:', 'totp']);
    expect(decodeURIComponent(uri.pathname)).toBe('/Steward:سارا+a:b?&@مثال.ایران');
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'Steward',
      secret,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
  });
});
