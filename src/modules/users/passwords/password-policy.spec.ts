import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commonPasswords } from './common-passwords.js';
import { passwordProblem, refuseWeakPassword, type PasswordOwner } from './password-policy.js';

const codeOf = async (password: string, owner: PasswordOwner = {}): Promise<string> =>
  (await passwordProblem(password, owner))?.code ?? 'accepted';

describe('the length of a password', () => {
  it.each([
    ['', 'password_too_short'],
    ['7 chars', 'password_too_short'],
    ['8 chars!', 'accepted'],
    ['😀'.repeat(7), 'password_too_short'],
    ['😀🎈🌊🍎🚲🎹🐢🌵', 'accepted'],
    ['é'.repeat(7).normalize('NFD'), 'password_too_short'],
    ['비밀번호비밀번호'.normalize('NFD'), 'accepted'],
    ['x'.repeat(127) + 'y', 'accepted'],
    ['한'.repeat(127).normalize('NFD') + 'y', 'accepted'],
    ['x'.repeat(128) + 'y', 'password_too_long'],
  ])('%#: %j', async (password, code) => expect(await codeOf(password)).toBe(code));

  it('is all it is judged by, besides being known: no rule about kinds of characters', async () => {
    for (const password of ['aaaaaaab', 'ORTUAIEN', '        ', '20493817', 'รหัสผ่านยาว', 'گذرواژه من'])
      expect([password, await codeOf(password)]).toEqual([password, 'accepted']);
  });

  it('is found out at once, however long', async () => {
    expect(await codeOf('y'.repeat(1_000_000))).toBe('password_too_long');
  });

  it('says how long is advised', async () => {
    expect((await passwordProblem('short', {}))?.detail).toMatch(/at least 8 characters; 15 or more/);
  });
});

describe('the most used passwords', () => {
  it('are at least the 3000 that ASVS asks for', async () => {
    expect((await commonPasswords()).size).toBeGreaterThan(15_000);
  });

  it.each(['password', 'PassWord', '12345678', 'qwertyuiop', 'iloveyou', 'Password1', 'ｐａｓｓｗｏｒｄ'])(
    'are refused in any case: %s',
    async (password) => expect(await codeOf(password)).toBe('password_common'),
  );
});

describe('what everybody knows of the person', () => {
  const owner = {
    email: 'anna.schmidt@firma-x.example',
    username: 'Änne_84',
    fullName: 'Anna Maria Schmidt',
  };
  it.each([
    'anna.schmidt@firma-x.example',
    'Anna.Schmidt',
    'anna.schmidt1990',
    '12annaschmidt!',
    'SchmidtMariaAnna',
    'anna maria schmidt',
    'schmidtschmidt',
    'änne_84!',
    'ÄNNE_8484',
    'Änne8484',
    'firma-x1',
    'firmax.example',
    'Steward1',
    'steward-2026',
    '!!STEWARD!!',
    'StewardSteward',
    'ｓｔｅｗａｒｄ99',
  ])('is refused: %s', async (password) => expect(await codeOf(password, owner)).toBe('password_personal'));

  it.each(['anna sails at dawn', 'stewardship of the sea', 'schmidt & the 9 geese', 'maria-marianne'])(
    'may be part of it: %s',
    async (password) => expect(await codeOf(password, owner)).toBe('accepted'),
  );

  it('in any script', async () => {
    expect(await codeOf('ОЛЬГА2026', { fullName: 'Ольга Петрова' })).toBe('password_personal');
    expect(await codeOf('สมชายสมชาย', { username: 'สมชาย' })).toBe('password_personal');
    expect(await codeOf('김민준김민준김민준', { fullName: '김민준' })).toBe('password_personal');
    expect(await codeOf('علی‌رضا۱۳۶۲', { fullName: 'علی‌رضا' })).toBe('password_personal');
  });

  it('is no hint when it is shorter than three characters, or not known', async () => {
    expect(await codeOf('lililili', { fullName: 'Li' })).toBe('accepted');
    expect(await codeOf('a long one of nobody', { email: null, username: null, fullName: null })).toBe(
      'accepted',
    );
  });
});

it('answers 400 naming the field', async () => {
  await expect(refuseWeakPassword('Password1', {}, '/newPassword')).rejects.toMatchObject({
    status: 400,
    errors: [{ pointer: '/newPassword', code: 'password_common' }],
  });
  await expect(refuseWeakPassword('nobody knows this', {})).resolves.toBeUndefined();
});

it('has an answer to any text, and the same one for its composed and decomposed form', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (password) => {
      expect(await codeOf(password.normalize('NFD'))).toBe(await codeOf(password.normalize('NFC')));
    }),
  );
});
