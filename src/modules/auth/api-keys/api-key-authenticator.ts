import { Injectable } from '@nestjs/common';
import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
import type { Identity, UserActor } from '../../../kernel/auth/index.js';
import { Keyring } from '../../../kernel/crypto/index.js';
import { Database } from '../../../kernel/database/index.js';
import { UserError, requestContext } from '../../../kernel/http/index.js';
import { Log } from '../../../kernel/log/index.js';
import { FactorPolicy } from '../factors/factor-policy.js';
import { prefixOf } from './api-key-form.js';
import { ApiKeyUsage } from './api-key-usage.js';
import { ApiKeysRepository, type ApiKeyHolder } from './api-keys.repository.js';

export type KeyActor = Extract<UserActor, { type: 'api_key' }>;

/**
 * Recognises API keys. A text that we never made is refused by its checksum; for others one read says whether the
 * key stands, whether its owner is active and which role they have now. So revoking a key, deactivating its owner
 * and changing their role act on the next request, on every process.
 */
@Injectable()
export class ApiKeyAuthenticator {
  private readonly hashKey: KeyObject;
  private readonly log: Log;

  constructor(
    keyring: Keyring,
    private readonly database: Database,
    private readonly keys: ApiKeysRepository,
    private readonly usage: ApiKeyUsage,
    private readonly factors: FactorPolicy,
    log: Log,
  ) {
    this.hashKey = keyring.derive('api key hash');
    this.log = log.area('auth');
  }

  hash(key: string): Buffer {
    return createHmac('sha256', this.hashKey).update(key).digest();
  }

  /** `UserError` 401: `key_invalid`, `key_ended`, `key_expired`, `key_address_refused`; and one line in the log. */
  async authenticate(key: string): Promise<Identity> {
    const ipAddress = requestContext.current()?.ipAddress ?? null;
    const prefix = prefixOf(key);
    const holder =
      prefix === null ? null : await this.holder((read) => this.keys.holderByPrefix(read, prefix));
    try {
      return await this.identityOf(this.standing(holder, key, ipAddress));
    } catch (error) {
      if (error instanceof UserError)
        this.log.warn({ reason: error.code, keyId: holder?.id, ipAddress }, 'an API key was refused');
      throw error;
    }
  }

  private standing(holder: ApiKeyHolder | null, key: string, ipAddress: string | null): ApiKeyHolder {
    if (!holder || !timingSafeEqual(holder.keyHash, this.hash(key)))
      throw UserError.unauthenticated('key_invalid', 'This is not an API key of ours.');
    refuseUnlessStanding(holder);
    if (!isAllowed(ipAddress, holder.allowedNetworks))
      throw UserError.unauthenticated('key_address_refused', 'This API key may not be used from here.');
    if (!holder.usedRecently) this.usage.note({ id: holder.id, ipAddress });
    return holder;
  }

  /** For a ticket made with the key: whoever holds the ticket may be elsewhere. The same `UserError` 401. */
  async identify(keyId: string): Promise<Identity> {
    const holder = await this.holder((read) => this.keys.holder(read, keyId));
    if (!holder) throw ended();
    refuseUnlessStanding(holder);
    return this.identityOf(holder);
  }

  async stillHolds(actor: KeyActor): Promise<boolean> {
    const holder = await this.holder((read) => this.keys.holder(read, actor.keyId));
    if (!holder || holder.ended || holder.expired || holder.role !== actor.role) return false;
    return !(await this.mustEnrol(holder));
  }

  private async identityOf(holder: ApiKeyHolder): Promise<Identity> {
    const { id, userId, role, scopes } = holder;
    return {
      actor: { type: 'api_key', userId, role, keyId: id },
      scopes,
      authenticatedAt: null,
      mustEnrol: await this.mustEnrol(holder),
    };
  }

  /** A key may do nothing while its owner has to set up a second factor first. */
  private mustEnrol(holder: ApiKeyHolder): Promise<boolean> {
    return this.factors.mustEnrol(this.database.system('authenticate').read, holder);
  }

  /** The one place where rows of keys are asked for on requests. It runs before anybody is known to ask. */
  private holder(
    ask: (read: Database['read']) => Promise<ApiKeyHolder | null>,
  ): Promise<ApiKeyHolder | null> {
    return ask(this.database.system('authenticate').read);
  }
}

function refuseUnlessStanding({ ended: hasEnded, expired }: ApiKeyHolder): void {
  if (hasEnded) throw ended();
  if (expired) throw UserError.unauthenticated('key_expired', 'This API key has expired; make a new one.');
}

const ended = (): UserError => UserError.unauthenticated('key_ended', 'This API key was revoked.');

/** No networks: from everywhere. An IPv4 address that is written as an IPv6 one counts as what it is. */
export function isAllowed(address: string | null, networks: readonly string[]): boolean {
  if (networks.length === 0) return true;
  if (address === null) return false;
  const allowed = new BlockList();
  for (const network of networks) {
    const [base = '', bits] = network.split('/');
    const family = isIPv6(base) ? 'ipv6' : 'ipv4';
    if (bits === undefined) allowed.addAddress(base, family);
    else allowed.addSubnet(base, Number(bits), family);
  }
  return allowed.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
