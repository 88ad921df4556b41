import { Injectable } from '@nestjs/common';
import type { KeyObject } from 'node:crypto';
import { Keyring } from '../../../kernel/crypto/index.js';

/** The keys behind access and refresh tokens. */
@Injectable()
export class SigningKeys {
  /** Signs access tokens. */
  readonly access: KeyObject;
  /** Derives the secret part of refresh tokens. */
  readonly refreshSecret: KeyObject;
  /** Hashes refresh tokens for storage. */
  readonly refreshHash: KeyObject;

  constructor(keyring: Keyring) {
    this.access = keyring.derive('access token');
    this.refreshSecret = keyring.derive('refresh token secret');
    this.refreshHash = keyring.derive('refresh token hash');
  }
}
