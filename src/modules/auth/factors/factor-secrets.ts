import { Injectable } from '@nestjs/common';
import { createHmac, type KeyObject } from 'node:crypto';
import { Keyring, SealBrokenError, SecretBox } from '../../../kernel/crypto/index.js';
import { OperationalError } from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';

interface Sealed {
  readonly userId: string;
  readonly sealedSecret: Buffer;
}

/** Keeps the secrets of factors sealed for their user and of recovery codes only keyed hashes (ASVS 6.5.2, 11.3.2). */
@Injectable()
export class FactorSecrets {
  private readonly box: SecretBox;
  private readonly hashKey: KeyObject;
  private readonly log: Log;

  constructor(keyring: Keyring, log: Log) {
    this.box = new SecretBox(keyring.derive('second factor'));
    this.hashKey = keyring.derive('recovery code');
    this.log = log.area('auth');
  }

  seal(userId: string, secret: Buffer): Buffer {
    return this.box.seal(secret, place(userId));
  }

  /** `OperationalError` 503 `factor_unreadable`: it was sealed with another signing secret or for another person. */
  open({ userId, sealedSecret }: Sealed): Buffer {
    try {
      return this.box.open(sealedSecret, place(userId));
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      this.log.error(
        { userId, err: error },
        'A second factor cannot be opened: was STEWARD_SECRET changed? Bring the old one back, or see: npm run steward -- admin reset-factors --unreadable',
      );
      throw new OperationalError(
        'factor_unreadable',
        'Your second factor cannot be checked just now. Please tell whoever runs this server.',
        600,
      );
    }
  }

  canOpen({ userId, sealedSecret }: Sealed): boolean {
    try {
      this.box.open(sealedSecret, place(userId));
      return true;
    } catch (error) {
      if (error instanceof SealBrokenError) return false;
      throw error;
    }
  }

  /** Of a recovery code as `readCode` reads it. 80 random bits need no slow hash. */
  hash(userId: string, code: string): Buffer {
    return createHmac('sha256', this.hashKey).update(`${userId} ${code}`).digest();
  }
}

const place = (userId: string): string => `totp ${userId}`;
