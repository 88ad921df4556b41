import { expect, it } from 'vitest';
import { Keyring } from './keyring.js';
import { SealBrokenError, SecretBox } from './secret-box.js';

const keys = new Keyring('a signing secret of at least 32 characters');
const box = new SecretBox(keys.derive('test'));

it('opens what it sealed, for the same place', () => {
  for (const text of ['', 'seed', 'راز', '비밀번호', 'รหัสผ่าน', 'пароль', '🔑\u0000']) {
    const sealed = box.seal(Buffer.from(text), 'totp a');
    expect(box.open(sealed, 'totp a').toString()).toBe(text);
  }
});

it('seals the same secret differently each time', () => {
  expect(box.seal(Buffer.from('seed'), 'a').equals(box.seal(Buffer.from('seed'), 'a'))).toBe(false);
});

it('opens nothing for another place, with another key, or changed in any byte', () => {
  const sealed = box.seal(Buffer.from('seed'), 'totp a');
  expect(() => box.open(sealed, 'totp b')).toThrow(SealBrokenError);
  expect(() => new SecretBox(keys.derive('other')).open(sealed, 'totp a')).toThrow(SealBrokenError);
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    expect(() => box.open(changed, 'totp a')).toThrow(SealBrokenError);
  }
  for (const length of [0, 1, 28])
    expect(() => box.open(sealed.subarray(0, length), 'totp a')).toThrow(SealBrokenError);
});

it('gives each purpose a key of its own, the same each time', () => {
  const [one, again, other] = [keys.derive('one'), keys.derive('one'), keys.derive('other')];
  expect(one.export().equals(again.export())).toBe(true);
  expect(one.export().equals(other.export())).toBe(false);
});
