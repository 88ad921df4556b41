import { Injectable } from '@nestjs/common';
import { Settings } from '../../../kernel/config/index.js';
import { Keyring, SealBrokenError, SecretBox } from '../../../kernel/crypto/index.js';
import { UserError } from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';

export type Secrets = Readonly<Record<string, string>>;

const PURPOSE = 'remote secrets';

/**
 * Keeps what remotes log in with sealed for their remote, so that neither a copy of the database nor a row written
 * over another one gives it away. Seals with STEWARD_REMOTES_KEY (without it, with a key made from STEWARD_SECRET)
 * and opens what that key, the one before, or the one from STEWARD_SECRET has sealed.
 */
@Injectable()
export class RemoteSecrets {
  private readonly current: SecretBox;
  private readonly former: readonly SecretBox[];
  private readonly log: Log;

  constructor(settings: Settings, keyring: Keyring, log: Log) {
    const { remotesKey, remotesPreviousKey } = settings;
    const boxes = [
      ...(remotesKey === undefined ? [] : [new Keyring(remotesKey)]),
      keyring,
      ...(remotesPreviousKey === undefined ? [] : [new Keyring(remotesPreviousKey)]),
    ].map((keys) => new SecretBox(keys.derive(PURPOSE)));
    const [current, ...former] = boxes;
    if (!current) throw new Error('there is no key for the secrets of remotes');
    this.current = current;
    this.former = former;
    this.log = log.area('remotes');
  }

  /** Null where there are none. */
  seal(remoteId: string, secrets: Secrets): Buffer | null {
    const entries = Object.entries(secrets).toSorted(([a], [b]) => (a < b ? -1 : 1));
    if (entries.length === 0) return null;
    return this.current.seal(Buffer.from(JSON.stringify(Object.fromEntries(entries))), place(remoteId));
  }

  /** 409 `remote_secrets_unreadable` when no key of now opens them. */
  open(remoteId: string, sealed: Buffer | null): Secrets {
    if (sealed === null) return {};
    const opened = this.tryOpen(remoteId, sealed);
    if (opened !== null) return JSON.parse(opened.secret.toString()) as Secrets;
    this.log.error(
      { remoteId },
      'The credentials of a remote cannot be opened: was STEWARD_REMOTES_KEY or STEWARD_SECRET changed? Give the former one as STEWARD_REMOTES_PREVIOUS_KEY.',
    );
    throw UserError.conflict(
      'remote_secrets_unreadable',
      'The credentials of this remote cannot be opened with the key of this server. Enter them again.',
    );
  }

  /** Sealed under the key of now: null when it is already, `unreadable` when no key of now opens it. */
  renewed(remoteId: string, sealed: Buffer): Buffer | null | 'unreadable' {
    const opened = this.tryOpen(remoteId, sealed);
    if (opened === null) return 'unreadable';
    return opened.isCurrent ? null : this.current.seal(opened.secret, place(remoteId));
  }

  private tryOpen(remoteId: string, sealed: Buffer): { secret: Buffer; isCurrent: boolean } | null {
    for (const box of [this.current, ...this.former])
      try {
        return { secret: box.open(sealed, place(remoteId)), isCurrent: box === this.current };
      } catch (error) {
        if (!(error instanceof SealBrokenError)) throw error;
      }
    return null;
  }
}

const place = (remoteId: string): string => `remote ${remoteId}`;
