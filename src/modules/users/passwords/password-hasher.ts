import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { verify as verifyBcrypt } from '@node-rs/bcrypt';
import fastq from 'fastq';
import { availableParallelism } from 'node:os';
import { Settings } from '../../../kernel/config/index.js';
import { OperationalError } from '../../../kernel/http/index.js';
import { bcryptBytes, isOutdated, readStoredHash, type Argon2Parameters } from './stored-hash.js';

/** Hashes waiting beyond those at work: about a second or two of a small machine's work. */
const MAX_WAITING = 128;

export interface PasswordCheck {
  readonly right: boolean;
  /** It fits, but the stored hash should be replaced by one of today's kind. */
  readonly outdated: boolean;
  /** How long the check waited for its turn, in milliseconds: not part of what it costs. */
  readonly waitedMs: number;
}

/**
 * Hashes passwords with argon2id and checks them also against imported bcrypt hashes (S0-41, C2). Not more than one
 * at a time per core, because each takes the memory of the setting and a login storm would otherwise exhaust it; not
 * more than `MAX_WAITING` wait, further ones are refused with `OperationalError` 503. Passwords are compared in
 * Unicode NFC, so that the same text typed on another device is the same password; nothing is trimmed or cut off.
 * Only bcrypt is given the 72 bytes it looked at where the hash was made. A hash of an unknown kind fits nothing.
 */
@Injectable()
export class PasswordHasher {
  private readonly queue = fastq.promise((work: () => Promise<unknown>) => work(), availableParallelism());
  private readonly parameters: Argon2Parameters;
  /** Same cost as a real hash and matches no password: its tag is not the result of any computation. */
  private readonly nobodysHash: string;

  constructor(settings: Settings) {
    const { argon2MemoryKib: memoryKib, argon2Passes: passes, argon2Lanes: lanes } = settings;
    this.parameters = { memoryKib, passes, lanes };
    this.nobodysHash = `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${'A'.repeat(22)}$${'A'.repeat(43)}`;
  }

  /** A PHC string. */
  async hash(password: string): Promise<string> {
    return this.inTurn(() => argon2id(password, this.parameters));
  }

  async matches(stored: string | null, password: string): Promise<boolean> {
    return (await this.check(stored, password)).right;
  }

  /** Costs the same without a stored hash as with one, so that time does not tell which accounts exist. */
  async check(stored: string | null, password: string): Promise<PasswordCheck> {
    const kind = readStoredHash(stored ?? '');
    const asked = performance.now();
    let began = asked;
    const right = await this.inTurn(async () => {
      began = performance.now();
      if (kind.kind === 'bcrypt') return verifyBcrypt(bcryptBytes(password), stored ?? '');
      const known = kind.kind === 'argon2' ? stored : null;
      return (await verify(known ?? this.nobodysHash, password.normalize('NFC'))) && known !== null;
    });
    return { right, outdated: right && isOutdated(kind, this.parameters), waitedMs: began - asked };
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.queue.length() >= MAX_WAITING)
      throw new OperationalError('too_many_logins', 'Too many people are logging in just now.', 2);
    return (await this.queue.push(work)) as T;
  }
}

/** Argon2id is the library's default. */
export const argon2id = (password: string, { memoryKib, passes, lanes }: Argon2Parameters): Promise<string> =>
  hash(password.normalize('NFC'), { memoryCost: memoryKib, timeCost: passes, parallelism: lanes });
