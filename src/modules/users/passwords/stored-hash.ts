/** What a stored password hash is, as far as Steward knows its kind (C2, S0-41). */
export type StoredHash =
  | {
      readonly kind: 'argon2';
      readonly isArgon2id: boolean;
      readonly memoryKib: number;
      readonly passes: number;
      readonly lanes: number;
    }
  | { readonly kind: 'bcrypt' }
  /** No password fits it. */
  | { readonly kind: 'unknown' };

export interface Argon2Parameters {
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/** PHC string of argon2 version 1.3, with a salt of 8 to 64 bytes and a tag of 16 to 64. */
const ARGON2 =
  /^\$argon2(id|i|d)\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/;

/** Modular crypt form; `2x` marks hashes of a broken implementation, which is not imitated here. */
const BCRYPT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** What one look at an imported hash may cost; a row that asks for more would hold a thread or exhaust the memory. */
const LIMITS = { memoryKib: 1_048_576, passes: 32, lanes: 64, bcryptCost: 16 } as const;

export function readStoredHash(text: string): StoredHash {
  const argon2 = ARGON2.exec(text);
  if (argon2) {
    const [memoryKib, passes, lanes] = argon2.slice(2).map(Number) as [number, number, number];
    const affordable = memoryKib <= LIMITS.memoryKib && passes <= LIMITS.passes && lanes <= LIMITS.lanes;
    const possible = lanes >= 1 && passes >= 1 && memoryKib >= 8 * lanes;
    return affordable && possible
      ? { kind: 'argon2', isArgon2id: argon2[1] === 'id', memoryKib, passes, lanes }
      : { kind: 'unknown' };
  }
  const cost = Number(BCRYPT.exec(text)?.[1]);
  return cost >= 4 && cost <= LIMITS.bcryptCost ? { kind: 'bcrypt' } : { kind: 'unknown' };
}

/** Whether a hash that fits should be replaced by one of today's kind: anything but argon2id, or a weaker one. */
export function isOutdated(stored: StoredHash, today: Argon2Parameters): boolean {
  if (stored.kind !== 'argon2' || !stored.isArgon2id) return true;
  return stored.memoryKib < today.memoryKib || stored.passes < today.passes;
}

/**
 * The bytes bcrypt looked at where the hash was made: 72 at most, and nothing from U+0000 on. The text is taken as
 * it was typed, without normalising, because nobody normalised it there.
 */
export function bcryptBytes(password: string): Buffer {
  const bytes = Buffer.from(password, 'utf8');
  const end = bytes.indexOf(0);
  return bytes.subarray(0, Math.min(72, end === -1 ? bytes.length : end));
}
