import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** Begins every key and nothing else, so that secret scanners find one that has leaked. */
export const API_KEY_START = 'stw_';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const NAME_LENGTH = 12;
/** 190 bits (ASVS 7.2.3 asks for 128). */
const SECRET_LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const FORM = new RegExp(
  `^(${API_KEY_START}[0-9A-Za-z]{${NAME_LENGTH}})_[0-9A-Za-z]{${SECRET_LENGTH}}_([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);

export interface NewApiKeyText {
  /** The whole key: shown once, never stored. */
  readonly key: string;
  /** `stw_` and the name of the key: may be shown, and finds its row. */
  readonly prefix: string;
}

/**
 * A new key: `stw_<name>_<secret>_<checksum>`, letters and digits only, so that a double click selects it whole.
 * The checksum is the CRC-32 of all before it: a key that was typed or cut wrongly is refused without asking the
 * database, and scanners tell keys from text that looks alike.
 */
export function newApiKey(): NewApiKeyText {
  const prefix = `${API_KEY_START}${random(NAME_LENGTH)}`;
  const body = `${prefix}_${random(SECRET_LENGTH)}`;
  return { key: `${body}_${checksumOf(body)}`, prefix };
}

/** The prefix of a text that can be a key; null for one that we never made. */
export function prefixOf(text: string): string | null {
  const [, prefix, checksum] = FORM.exec(text) ?? [];
  if (prefix === undefined) return null;
  return checksumOf(text.slice(0, -CHECKSUM_LENGTH - 1)) === checksum ? prefix : null;
}

/** Six digits to the base of 62 hold any CRC-32. */
function checksumOf(text: string): string {
  let rest = crc32(text);
  let digits = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = ALPHABET.charAt(rest % ALPHABET.length) + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return digits;
}

const random = (length: number): string =>
  Array.from({ length }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
