import { UserError } from '../../../kernel/http/index.js';
import { commonPasswords } from './common-passwords.js';
import { fold } from '../identifiers.js';

/** Characters of a new password, counted as code points of its NFC form (ASVS 6.2.1, 6.2.9). */
export const PASSWORD_MIN = 8;
export const PASSWORD_MAX = 128;
export const PASSWORD_ADVISED = 15;

const PRODUCT = 'Steward';

/** Shorter words of a person are no hint: "Li" is part of too much. */
const SHORTEST_WORD = 3;

/** Whose password it is to be, as far as known. */
export interface PasswordOwner {
  readonly email?: string | null | undefined;
  readonly username?: string | null | undefined;
  readonly fullName?: string | null | undefined;
}

export interface PasswordProblem {
  readonly code: 'password_too_short' | 'password_too_long' | 'password_common' | 'password_personal';
  readonly detail: string;
}

/**
 * Whether a text may become a password, for every way a password is set: registering, by an admin, the first admin,
 * changing, resetting. Never asked at login, which must go on taking passwords of older rules. No rule about kinds of
 * characters and no expiry: they make people choose worse ones (ASVS 6.2.5, 6.2.10).
 */
export async function passwordProblem(
  password: string,
  owner: PasswordOwner,
): Promise<PasswordProblem | null> {
  // The length in UTF-16 units first: counting the characters of a megabyte would cost more than it tells.
  const characters = password.length > 8 * PASSWORD_MAX ? Infinity : count(password.normalize('NFC'));
  if (characters < PASSWORD_MIN)
    return {
      code: 'password_too_short',
      detail: `must have at least ${PASSWORD_MIN} characters; ${PASSWORD_ADVISED} or more are advised`,
    };
  if (characters > PASSWORD_MAX)
    return { code: 'password_too_long', detail: `must have at most ${PASSWORD_MAX} characters` };
  if ((await commonPasswords()).has(fold(password)))
    return { code: 'password_common', detail: 'is one of the most used passwords; choose another' };
  if (isPersonal(password, owner))
    return {
      code: 'password_personal',
      detail: 'is made of your name, your e-mail address or the name of this program; choose another',
    };
  return null;
}

/** 400 naming the field. Cheap next to hashing: ask before. */
export async function refuseWeakPassword(
  password: string,
  owner: PasswordOwner,
  pointer = '/password',
): Promise<void> {
  const problem = await passwordProblem(password, owner);
  if (problem) throw UserError.field(pointer, problem.code, problem.detail);
}

/** Whether it is nothing but a word of the person, also repeated, or with digits and signs around it (ASVS 6.1.2). */
function isPersonal(password: string, owner: PasswordOwner): boolean {
  const words = new Set(wordsOf(owner).flatMap((word) => [letters(word), core(word)]));
  return [letters(password), core(password)]
    .flatMap((form) => [form, unit(form)])
    .some((form) => count(form) >= SHORTEST_WORD && words.has(form));
}

function wordsOf({ email, username, fullName }: PasswordOwner): string[] {
  const [local = '', domain = ''] = (email ?? '').split('@');
  const names = (fullName ?? '').split(/\s+/u);
  return [
    PRODUCT,
    email ?? '',
    local,
    domain,
    domain.split('.')[0] ?? '',
    ...local.split(/[.+_-]/),
    username ?? '',
    ...names,
    names.join(''),
    names.toReversed().join(''),
  ];
}

/** Letters, marks and digits alone. */
const letters = (text: string): string => fold(text).replaceAll(/[^\p{L}\p{M}\p{N}]/gu, '');

/** Without digits at its ends. */
const core = (text: string): string => letters(text).replaceAll(/^\p{N}+|\p{N}+$/gu, '');

/** What a text repeats: `ali` of `alialiali`, and any other text itself. */
const unit = (text: string): string => /^(.{3,}?)\1+$/u.exec(text)?.[1] ?? text;

const count = (text: string): number => Array.from(text).length;
