import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdentifierError, emailKey, identifierKey, usernameKey } from './identifiers.js';

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof IdentifierError) return error.code;
    throw error;
  }
  return 'accepted';
};

describe('emailKey', () => {
  it.each([
    ['Ali@Example.COM', 'ali@example.com'],
    ["o'neil+tag@example.com", "o'neil+tag@example.com"],
    ['иван@пример.рф', 'иван@xn--e1afmkfd.xn--p1ai'],
    ['ИВАН@ПРИМЕР.РФ', 'иван@xn--e1afmkfd.xn--p1ai'],
    ['علی@مثال.ایران', 'علی@xn--mgbh0fb.xn--mgba3a4f16a'],
    ['민준@예.한국', '민준@xn--2j5b.xn--3e0b707e'],
    ['สมชาย@ไทย.ไทย', 'สมชาย@xn--o3cw4h.xn--o3cw4h'],
    ['a@xn--e1afmkfd.xn--p1ai', 'a@xn--e1afmkfd.xn--p1ai'],
    ['straße@straße.de', 'strasse@xn--strae-oqa.de'],
    ['ｆｕｌｌ@ｅｘａｍｐｌｅ．com', 'full@example.com'],
    ['admin@steward.local', 'admin@steward.local'],
    ['a@localhost', 'a@localhost'],
  ])('takes %s as %s', (email, key) => expect(emailKey(email)).toBe(key));

  it('makes one key of composed and decomposed letters', () => {
    expect(emailKey('jose\u0301@example.com')).toBe(emailKey('jos\u00e9@example.com'));
  });

  it.each([
    'plain',
    '@example.com',
    'a@',
    'a@b@c',
    'a＠example.com', // only a fullwidth @
    'a@b＠c.com', // a second @ appears by NFKC
    'a b@example.com',
    'a\u00b4b@example.com', // NFKC makes a space of it
    'a\u0000@example.com',
    'a\u202eb@example.com',
    'a@b..com',
    'a@.com',
    'a@com.',
    'a@-b.com',
    'a@b_c.com',
    'a@b c.com',
    'a@ex%41mple.com',
    'a@[::1]',
    'a@b/c',
    'a@xn--zz.com',
    `a@${'b'.repeat(64)}.com`,
  ])('refuses %j', (email) => expect(codeOf(() => emailKey(email))).toBe('email_invalid'));

  it('refuses what is too long, also when only its key is', () => {
    expect(emailKey(`${'a'.repeat(243)}@example.com`)).toHaveLength(255);
    expect(codeOf(() => emailKey(`${'a'.repeat(244)}@example.com`))).toBe('email_too_long');
    expect(codeOf(() => emailKey(`${'\ufb03'.repeat(100)}@example.com`))).toBe('email_too_long'); // ﬃ is three letters
  });

  it('is idempotent and keeps one @', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.domain(), (local, domain) => {
        const email = `${local}@${domain}`;
        fc.pre(codeOf(() => emailKey(email)) === 'accepted');
        const key = emailKey(email);
        expect(emailKey(key)).toBe(key);
        expect(key.split('@')).toHaveLength(2);
        expect(key).not.toMatch(/\s/u);
      }),
    );
  });
});

describe('usernameKey', () => {
  it.each([
    ['Ali', 'ali'],
    ['ALI', 'ali'],
    ['Ａｌｉ', 'ali'],
    ['Иван42', 'иван42'],
    ['علی_رضا', 'علی_رضا'],
    ['می\u200cخواهم', 'میخواهم'],
    ['สมชาย', 'สมชาย'],
    ['민준-kim', '민준-kim'],
    ['東京taro', '東京taro'],
    ['Σοφός', 'σοφός'],
    ['straße', 'strasse'],
    ['a', 'a'],
  ])('takes %s as %s', (name, key) => expect(usernameKey(name)).toBe(key));

  it.each([
    'Аli', // Cyrillic А
    'pаypal',
    'ρaul', // Greek ρ
    'ивaн', // Latin a
    'Ωмега',
  ])('refuses the mixed scripts of %s', (name) =>
    expect(codeOf(() => usernameKey(name))).toBe('username_mixed_scripts'),
  );

  it.each(['', 'a@b', 'a＠b', 'a b', 'a\nb', 'a\u0000b', 'a\u202eb', '\u200c', 'a\u00a0b', 'x'.repeat(51)])(
    'refuses %j',
    (name) => expect(codeOf(() => usernameKey(name))).toBe('username_invalid'),
  );

  it('counts characters, not UTF-16 units', () => {
    expect(usernameKey('😀'.repeat(50))).toBe('😀'.repeat(50));
    expect(codeOf(() => usernameKey('😀'.repeat(51)))).toBe('username_invalid');
  });

  it('is idempotent and does not tell upper from lower case', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (name) => {
        const upper = name.toUpperCase();
        fc.pre([name, upper].every((one) => codeOf(() => usernameKey(one)) === 'accepted'));
        const key = usernameKey(name);
        expect(usernameKey(key)).toBe(key);
        expect(usernameKey(upper)).toBe(key);
      }),
    );
  });
});

describe('identifierKey', () => {
  it('tells e-mail from username by the @', () => {
    expect(identifierKey('A@B.com')).toEqual({ kind: 'email', key: 'a@b.com' });
    expect(identifierKey('Ali')).toEqual({ kind: 'username', key: 'ali' });
  });
  it('is null for what nobody can have', () => {
    expect(identifierKey('a@@b')).toBeNull();
    expect(identifierKey('')).toBeNull();
  });
});
