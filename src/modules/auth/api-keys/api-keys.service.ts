import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DeclaredRoutes, type SessionActor } from '../../../kernel/auth/index.js';
import {
  Database,
  newId,
  toPage,
  type Page,
  type PageRequest,
  type Tx,
} from '../../../kernel/database/index.js';
import { Idempotency, UserError, type OnceRequest } from '../../../kernel/http/index.js';
import { Clock } from '../../../kernel/time/index.js';
import { AuditService } from '../../audit/index.js';
import { AccountHooks } from '../../users/index.js';
import { ApiKeyAuthenticator } from './api-key-authenticator.js';
import { newApiKey } from './api-key-form.js';
import { toApiKeyView } from './api-key.view.js';
import { ApiKeysRepository } from './api-keys.repository.js';
import type { ApiKeyView, CreatedApiKeyView, NewApiKeyIn } from './api-keys.schema.js';

const MAX_LIVE_KEYS = 50;
const DEFAULT_LIFE_DAYS = 90;

/**
 * The keys people make for their programs. A key acts for its owner with the owner's role of now, and only where a
 * route asks for a scope that the key was given. The key itself leaves once, in the answer that makes it.
 *
 * Deactivating an account revokes its keys, so that reactivating revives none.
 */
@Injectable()
export class ApiKeysService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly keys: ApiKeysRepository,
    private readonly authenticator: ApiKeyAuthenticator,
    private readonly routes: DeclaredRoutes,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
    private readonly accounts: AccountHooks,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.accounts.register({
      module: 'auth, API keys',
      deactivated: (tx, userId) => this.keys.revokeAll(tx, userId, 'deactivated'),
      erased: (tx, userId) => this.keys.deleteAll(tx, userId),
      exported: (userId) => [{ name: 'api-keys', rows: this.archived(userId) }],
    });
  }

  /**
   * 400 for scopes the owner cannot use, 409 `too_many_keys`. Replayed by its Idempotency-Key the answer comes
   * without the key, because an answer that is stored may hold no secret.
   */
  async create(
    actor: SessionActor,
    input: NewApiKeyIn,
    once: OnceRequest | null,
  ): Promise<CreatedApiKeyView> {
    const scopes = this.usableScopes(actor, input.scopes);
    if (input.expiresAt && input.expiresAt <= this.clock.now())
      throw UserError.field('/expiresAt', 'in_the_past', 'must be in the future');
    const { key, prefix } = newApiKey();
    let made: string | null = null;
    const view = await this.database.as(actor).tx((tx) =>
      this.idempotency.once(tx, actor.userId, once, async () => {
        made = key;
        return this.insert(tx, actor, { ...input, scopes, key, prefix });
      }),
    );
    return { ...view, key: made };
  }

  async list(actor: SessionActor, page: PageRequest): Promise<Page<ApiKeyView>> {
    const rows = await this.keys.page(this.database.as(actor).read, actor.userId, page);
    return toPage(rows, page.limit, toApiKeyView);
  }

  /** 404 for a key of somebody else or one that was revoked before. */
  async revoke(actor: SessionActor, id: string): Promise<void> {
    await this.database.as(actor).tx(async (tx) => {
      if (!(await this.keys.revoke(tx, id, actor.userId, 'revoked_by_user')))
        throw UserError.notFound('API key');
      await this.audit.record(tx, { actor, action: 'api_key.revoke', resource: { type: 'api_key', id } });
    });
  }

  private async insert(
    tx: Tx,
    actor: SessionActor,
    { name, scopes, key, prefix, expiresAt, allowedNetworks }: NewApiKeyIn & { key: string; prefix: string },
  ): Promise<ApiKeyView> {
    if ((await this.keys.lockAndCount(tx, actor.userId)) >= MAX_LIVE_KEYS)
      throw UserError.conflict('too_many_keys', `There are ${MAX_LIVE_KEYS} keys already; revoke one first.`);
    const id = newId();
    const row = await this.keys.insert(tx, {
      id,
      userId: actor.userId,
      name,
      prefix,
      keyHash: this.authenticator.hash(key),
      scopes,
      allowedNetworks: [...new Set(allowedNetworks)],
      expiresAt: expiresAt === undefined ? { days: DEFAULT_LIFE_DAYS } : expiresAt,
    });
    await this.audit.record(tx, {
      actor,
      action: 'api_key.create',
      resource: { type: 'api_key', id },
      details: { scopes, expiresAt: row.expiresAt?.toISOString() ?? null },
    });
    return toApiKeyView(row);
  }

  /** Sorted, each once. A key with a scope that its owner's role has no route for would only seem to have rights. */
  private usableScopes({ role }: SessionActor, wanted: readonly string[]): string[] {
    const usable: ReadonlySet<string> = this.routes.scopesFor(role);
    const known = [...usable].toSorted().join(', ');
    for (const [index, scope] of wanted.entries())
      if (!usable.has(scope))
        throw UserError.field(`/scopes/${index}`, 'scope_unknown', `must be one of ${known}`);
    return [...new Set(wanted)].toSorted();
  }

  private async *archived(userId: string): AsyncIterable<object> {
    const rows = await this.keys.everything(this.database.system('export').read, userId);
    for (const row of rows) yield { ...toApiKeyView(row), revokedAt: row.revokedAt?.toISOString() ?? null };
  }
}
