import { randomGroups } from '../one-time-password.js';

/** What somebody typed where a code was asked for. */
export type OfferedCode =
  { readonly kind: 'totp' | 'recovery'; readonly code: string } | { readonly kind: 'neither' };

const RECOVERY_CODES = 10;

/** Ten codes of 80 bits, such as `7k2m-x9pt-04hq-w8zd`. */
export const newRecoveryCodes = (): string[] =>
  Array.from({ length: RECOVERY_CODES }, () => randomGroups(4, 4));

/**
 * Reads a code the way people type and paste it: digits of any script, capitals, spaces, dashes and invisible marks of
 * direction, and the letters that look like digits in a recovery code. A text of any length is fine.
 */
export function readCode(text: string): OfferedCode {
  const plain = asciiDigits(text.normalize('NFKC'))
    .toLowerCase()
    .replaceAll(/[\s\p{Z}\p{Cf}\p{Pd}]/gu, '');
  if (/^[0-9]{6}$/.test(plain)) return { kind: 'totp', code: plain };
  const code = plain.replaceAll('o', '0').replaceAll(/[il]/g, '1');
  return /^[0-9a-hjkmnp-tv-z]{16}$/.test(code) ? { kind: 'recovery', code } : { kind: 'neither' };
}

/** Phones set to Persian, Thai and other languages type their own digits, which NFKC leaves as they are. */
const asciiDigits = (text: string): string => text.replaceAll(/\p{Nd}/gu, digitValue);

/** Unicode keeps the digits of a script together, in order and beginning with its zero. */
function digitValue(digit: string): string {
  const point = digit.codePointAt(0) ?? 0;
  let first = point;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return String((point - first) % 10);
}
