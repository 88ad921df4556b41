import { domainToASCII } from 'node:url';

/** Characters of an e-mail address and of its key; the column's check says the same. */
const EMAIL_MAX = 255;
const USERNAME_MAX = 50;

/** Scripts whose letters are drawn alike, so that a name mixing them can pass for another one (C4). */
const CONFUSABLE_SCRIPTS = [
  /\p{Script_Extensions=Latin}/u,
  /\p{Script_Extensions=Cyrillic}/u,
  /\p{Script_Extensions=Greek}/u,
  /\p{Script_Extensions=Armenian}/u,
  /\p{Script_Extensions=Cherokee}/u,
  /\p{Script_Extensions=Coptic}/u,
] as const;

/** An identifier that cannot be used: `code` for programs, the message completes "/email …" for people. */
export class IdentifierError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/**
 * What makes two e-mail addresses the same one: NFKC, case folded, the domain in punycode and lower case (C19).
 * Addresses of any script are accepted; whether mail arrives only a verification mail can tell. The address
 * itself is stored as given. Idempotent. Throws `IdentifierError`.
 */
export function emailKey(email: string): string {
  refuseInvisible(email, 'email_invalid');
  const normal = email.normalize('NFKC');
  // Before and after: a fullwidth @ or a character that NFKC splits around a space changes what the parts are.
  if (count(email, '@') !== 1 || count(normal, '@') !== 1)
    throw new IdentifierError('email_invalid', 'must be an e-mail address with exactly one @');
  if (/\s/u.test(normal)) throw new IdentifierError('email_invalid', 'must not contain spaces');
  const [local = '', domain = ''] = normal.split('@');
  if (local === '') throw new IdentifierError('email_invalid', 'must have a name before the @');
  const key = `${fold(local)}@${domainKey(domain)}`;
  if (length(email) > EMAIL_MAX || length(key) > EMAIL_MAX)
    throw new IdentifierError('email_too_long', `must have at most ${EMAIL_MAX} characters`);
  return key;
}

/**
 * What makes two usernames the same one: NFKC, invisible joiners dropped, case folded (C4). Names of any script,
 * but not of two scripts that look alike, and never with an @, which would make it an e-mail address at login.
 * Idempotent. Throws `IdentifierError`.
 */
export function usernameKey(username: string): string {
  refuseInvisible(username, 'username_invalid');
  const key = fold(username.replaceAll(/\p{Default_Ignorable_Code_Point}/gu, ''));
  if (/[\s@]/u.test(key))
    throw new IdentifierError('username_invalid', 'must not contain spaces or the character @');
  if (key === '' || length(username) > USERNAME_MAX || length(key) > USERNAME_MAX)
    throw new IdentifierError('username_invalid', `must have 1 to ${USERNAME_MAX} characters`);
  if (mixesConfusableScripts(key))
    throw new IdentifierError(
      'username_mixed_scripts',
      'must not mix letters of scripts that look alike, such as Latin and Cyrillic',
    );
  return key;
}

/** Which of the two a login name is, with its key; null when it can be neither, so nobody has it. */
export function identifierKey(identifier: string): { kind: 'email' | 'username'; key: string } | null {
  try {
    return identifier.includes('@')
      ? { kind: 'email', key: emailKey(identifier) }
      : { kind: 'username', key: usernameKey(identifier) };
  } catch (error) {
    if (error instanceof IdentifierError) return null;
    throw error;
  }
}

/**
 * Case folding by way of upper case, so that ß and SS, or the two small sigmas, are one. Repeated until it rests,
 * because normalising can bring forth letters that have a case again.
 */
export function fold(text: string): string {
  const folded = text.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC');
  return folded === text ? folded : fold(folded);
}

function domainKey(domain: string): string {
  const ascii = /^[\p{L}\p{M}\p{N}.\-。\u200c\u200d]+$/u.test(domain) ? domainToASCII(domain) : '';
  const labels = ascii.split('.');
  if (ascii.length > 253 || !labels.every((label) => /^(?!-)[a-z0-9-]{1,63}(?<!-)$/.test(label)))
    throw new IdentifierError('email_invalid', 'must end in a domain name');
  return ascii;
}

/** Control characters and marks that turn the direction of text hide what a name says. */
function refuseInvisible(text: string, code: string): void {
  if (/[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/u.test(text))
    throw new IdentifierError(code, 'must not contain control characters');
}

/** Whether no single one of the confusable scripts explains all letters that belong to any of them. */
function mixesConfusableScripts(text: string): boolean {
  let possible: readonly RegExp[] = CONFUSABLE_SCRIPTS;
  for (const letter of text) {
    const own = CONFUSABLE_SCRIPTS.filter((script) => script.test(letter));
    if (own.length > 0) possible = possible.filter((script) => own.includes(script));
  }
  return possible.length === 0;
}

const count = (text: string, character: string): number => text.split(character).length - 1;
const length = (text: string): number => Array.from(text).length;
