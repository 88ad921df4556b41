import { Injectable } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import fastq from 'fastq';
import { availableParallelism } from 'node:os';
import { OperationalError } from '../../kernel/http/index.js';

/** Argon2id with the least OWASP asks for: 19 MiB, two passes, one lane. Argon2id is the library's default. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;

/** Same cost as a real hash and matches no password: its tag is not the result of any computation. */
const NOBODYS_HASH = `$argon2id$v=19$m=${PARAMETERS.memoryCost},t=${PARAMETERS.timeCost},p=${PARAMETERS.parallelism}$${'A'.repeat(22)}$${'A'.repeat(43)}`;

/** Hashes waiting beyond those at work: about a second or two of a small machine's work. */
const MAX_WAITING = 128;

/**
 * Hashes and checks passwords with argon2id. Not more than one at a time per core, because each takes 19 MiB and a
 * login storm would otherwise exhaust the memory; not more than `MAX_WAITING` wait, further ones are refused with
 * `OperationalError` 503. Passwords are compared in Unicode NFC, so that the same text typed on another device is
 * the same password; nothing is trimmed or cut off.
 */
@Injectable()
export class PasswordHasher {
  private readonly queue = fastq.promise((work: () => Promise<unknown>) => work(), availableParallelism());

  /** A PHC string. */
  async hash(password: string): Promise<string> {
    return this.inTurn(() => hash(password.normalize('NFC'), PARAMETERS));
  }

  /** Costs the same without a stored hash as with one, so that time does not tell which accounts exist. */
  async matches(stored: string | null, password: string): Promise<boolean> {
    const right = await this.inTurn(() => verify(stored ?? NOBODYS_HASH, password.normalize('NFC')));
    return right && stored !== null;
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.queue.length() >= MAX_WAITING)
      throw new OperationalError('too_many_logins', 'Too many people are logging in just now.', 2);
    return (await this.queue.push(work)) as T;
  }
}
