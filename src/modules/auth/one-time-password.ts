import { randomBytes } from 'node:crypto';

/** Crockford's base32: no letters that are taken for digits. 32 of them, so a byte maps without bias. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** A password to be read and typed by a person: 125 random bits as five groups of five. */
export const oneTimePassword = (): string => randomGroups(5, 5);

/** Five random bits a character, in groups that are easily read and typed. */
export function randomGroups(groups: number, groupLength: number): string {
  const characters = Array.from(randomBytes(groups * groupLength), (byte) => ALPHABET.charAt(byte % 32));
  return Array.from({ length: groups }, (_, group) =>
    characters.slice(group * groupLength, (group + 1) * groupLength).join(''),
  ).join('-');
}
