import { Injectable } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import { EngineRemotes } from '../engine-remotes.js';
import { RemotesRepository } from '../remotes.repository.js';
import { oauthToken } from '../types/fields.js';
import { remoteTypes } from '../types/configuration.js';
import { RemoteSecrets } from './remote-secrets.js';
import { SealedSecretsRepository } from './sealed-secrets.repository.js';

/**
 * Keeps a token that a provider has renewed while a remote was used. Some providers take the former token back at
 * once, so it must not be lost, and an older one must never be put over it. Not audited: nobody did anything, and it
 * happens every hour.
 */
@Injectable()
export class RenewedTokens {
  constructor(
    private readonly database: Database,
    private readonly remotes: RemotesRepository,
    private readonly secrets: RemoteSecrets,
    private readonly sealed: SealedSecretsRepository,
    private readonly engineRemotes: EngineRemotes,
  ) {}

  /**
   * Compare-and-set on what was used: the version of the secrets, or the token itself. False, and nothing is kept,
   * when that has changed since, when the remote is gone or has no token, or when this is none.
   */
  async keep(remoteId: string, used: number | string, token: string): Promise<boolean> {
    const plain = oauthToken.safeParse(token);
    if (!plain.success) return false;
    return this.database.system('renewed token').tx(async (tx) => {
      const remote = await this.remotes.findForUpdate(tx, remoteId);
      if (!remote || (typeof used === 'number' && remote.secretsVersion !== used)) return false;
      if (!Object.hasOwn(remoteTypes[remote.type].secrets, 'token')) return false;
      const before = await this.sealed.of(tx, remoteId);
      const { secrets } = this.engineRemotes.configurationOf(remote, before);
      if (secrets['token'] === undefined || (typeof used === 'string' && secrets['token'] !== used))
        return false;
      if (secrets['token'] === plain.data) return true;
      const sealed = this.secrets.seal(remoteId, { ...secrets, token: plain.data });
      return this.sealed.renew(tx, remoteId, remote.secretsVersion, sealed);
    });
  }
}
