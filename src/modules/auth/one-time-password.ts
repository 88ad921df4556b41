import { randomBytes } from 'node:crypto';

/** Crockford's base32: no letters that are taken for digits. 32 of them, so a byte maps without bias. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const GROUPS = 5;
const GROUP_LENGTH = 5;

/** A password to be read and typed by a person: 125 random bits as five groups of five. */
export function oneTimePassword(): string {
  const characters = Array.from(randomBytes(GROUPS * GROUP_LENGTH), (byte) => ALPHABET.charAt(byte % 32));
  return Array.from({ length: GROUPS }, (_, group) =>
    characters.slice(group * GROUP_LENGTH, (group + 1) * GROUP_LENGTH).join(''),
  ).join('-');
}
