import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Keyring } from '../../../kernel/crypto/index.js';
import { DEVICE_TOKEN_MAX, DeviceTokens } from './device-tokens.js';

const USER = '01a1fa1c-9a39-73c5-b829-a80bcaa316f6';
const DAY = 86_400_000;

let now = Date.parse('2026-11-21T12:00:00Z');
const clock = { now: () => new Date(now) };
const tokens = new DeviceTokens(new Keyring('the signing secret of the tests, long enough'), clock);

describe('a device token', () => {
  it('says whose device it is, and can be renewed for the same device', () => {
    const token = tokens.issue(USER);
    expect(token.length).toBeLessThanOrEqual(DEVICE_TOKEN_MAX);
    const read = tokens.read(token);
    expect(read?.userId).toBe(USER);
    expect(tokens.read(tokens.issue(USER, read?.device))).toEqual(read);
    expect(tokens.read(tokens.issue(USER))?.device).not.toBe(read?.device);
  });

  it('is good for 180 days', () => {
    const token = tokens.issue(USER);
    now += 179 * DAY;
    expect(tokens.read(token)).not.toBeNull();
    now += DAY;
    expect(tokens.read(token)).toBeNull();
  });

  it('of another installation, or changed anywhere, is none', () => {
    const other = new DeviceTokens(new Keyring('another signing secret of the tests, long enough'), clock);
    expect(tokens.read(other.issue(USER))).toBeNull();
    const token = tokens.issue(USER);
    fc.assert(
      fc.property(
        fc.nat(token.length - 1),
        fc.constantFrom('0', 'a', 'A', '_', '-', '.', '\u0000', 'س'),
        (at, letter) => {
          fc.pre(token[at] !== letter);
          const changed = token.slice(0, at) + letter + token.slice(at + 1);
          // The last letter of base64 has two bits that mean nothing.
          fc.pre(at !== token.length - 1);
          expect(tokens.read(changed)).toBeNull();
        },
      ),
    );
    for (const text of ['', 'dt', `${token}x`, ` ${token}`, token.repeat(1000), 'dt.....', '😀'])
      expect(tokens.read(text)).toBeNull();
  });
});
