import { fold } from '../identifiers.js';

/** Shorter ones are refused for their length. */
const SHORTEST = 8;

let loaded: Promise<ReadonlySet<string>> | undefined;

/**
 * The passwords people use most, case folded: about 18,000 from public leaks, out of the word list of zxcvbn
 * (`@zxcvbn-ts/language-common`, MIT). Loaded when first asked for, because most processes never ask and all would
 * pay for it at their start.
 */
export function commonPasswords(): Promise<ReadonlySet<string>> {
  loaded ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) =>
      new Set(dictionary['passwords-common'].filter((one) => Array.from(one).length >= SHORTEST).map(fold)),
  );
  return loaded;
}
