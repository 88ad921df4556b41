import { Injectable, type OnModuleInit } from '@nestjs/common';
import { timingSafeEqual } from 'node:crypto';
import type { SessionActor, UserRole } from '../../../kernel/auth/index.js';
import { Settings } from '../../../kernel/config/index.js';
import {
  Database,
  newId,
  toPage,
  type DatabaseScope,
  type Page,
  type PageRequest,
  type Tx,
} from '../../../kernel/database/index.js';
import { UserError, requestContext } from '../../../kernel/http/index.js';
import { Events } from '../../../kernel/realtime/index.js';
import { AuditService } from '../../audit/index.js';
import { AccountHooks } from '../../users/index.js';
import { ACCOUNT_CHANNEL, REFRESH_REUSED } from '../auth.events.js';
import type { SessionView } from '../auth.schema.js';
import { deviceInfoOf } from './device-info.js';
import { RefreshTokens, parseRefreshToken, verdictOn } from './refresh-tokens.js';
import {
  SessionsRepository,
  type Device,
  type RefreshableSession,
  type RevocationReason,
} from './sessions.repository.js';
import { sessionResource, toSessionView } from './session.view.js';

const USER_AGENT_MAX = 512;

export interface OpenSession {
  readonly sessionId: string;
  readonly userId: string;
  readonly refreshToken: string;
}

/**
 * Logins and their refresh tokens (S1-7, C18). A refresh token works once: exchanging it gives the next one. The
 * one just spent gives the same successor again for 10 s, so a lost answer does no harm; any older use ends the
 * session, because somebody else has a copy. Ended sessions are refused at the next request.
 */
@Injectable()
export class SessionsService implements OnModuleInit {
  constructor(
    private readonly database: Database,
    private readonly sessions: SessionsRepository,
    private readonly tokens: RefreshTokens,
    private readonly settings: Settings,
    private readonly audit: AuditService,
    private readonly accounts: AccountHooks,
    private readonly events: Events,
  ) {}

  onModuleInit(): void {
    this.accounts.register({
      module: 'auth',
      deactivated: async (tx, userId) => void (await this.sessions.revokeAll(tx, userId, 'deactivated')),
      rightsChanged: (tx, userId) => this.sessions.rightsChanged(tx, userId),
    });
  }

  /**
   * Joins the transaction of the login, which holds the user's row. Beyond STEWARD_MAX_SESSIONS the sessions that
   * were not used for longest end (ASVS 7.1.2).
   */
  async start(tx: Tx, userId: string): Promise<OpenSession> {
    const id = newId();
    const nonce = this.tokens.nonce();
    await this.sessions.insert(tx, {
      id,
      userId,
      refreshHash: this.tokens.hash(id, 0, nonce),
      refreshNonce: nonce,
      idleSeconds: this.settings.sessionIdleSeconds,
      absoluteSeconds: this.settings.sessionAbsoluteSeconds,
      ...currentDevice(),
    });
    for (const ended of await this.sessions.revokeBeyond(tx, userId, id, this.settings.maxSessions))
      await this.audit.record(tx, {
        actor: { type: 'system', name: 'session limit' },
        action: 'session.revoke',
        resource: sessionResource(ended),
        details: { userId, reason: 'too_many' },
      });
    return { sessionId: id, userId, refreshToken: this.tokens.token(id, 0, nonce) };
  }

  /**
   * The successor of a refresh token. `UserError` 401: `refresh_invalid` for what we never made, without effect;
   * `session_ended`; `refresh_reused`, after which the session has ended.
   */
  async refresh(text: string): Promise<OpenSession> {
    const presented = parseRefreshToken(text);
    const session =
      presented && (await this.sessions.findForRefresh(this.refreshing.read, presented.sessionId));
    if (!session || !this.tokens.isGenuine(presented, session.nonce)) throw invalid();
    if (!session.stands) throw ended();
    const verdict = verdictOn(presented.counter, session);
    if (verdict === 'unknown') throw invalid();
    if (verdict === 'repeat') return this.opened(session, session.counter);
    if (verdict === 'reuse') {
      await this.endForReuse(session);
      throw UserError.unauthenticated('refresh_reused', 'This refresh token was used before; log in again.');
    }
    if (await this.spend(session)) return this.opened(session, session.counter + 1);
    // Somebody was faster, with the same token or by ending the session: what holds now is read again.
    return this.refresh(text);
  }

  async list(actor: SessionActor, page: PageRequest): Promise<Page<SessionView>> {
    const rows = await this.sessions.page(this.database.as(actor).read, actor.userId, page);
    return toPage(rows, page.limit, (row) => toSessionView(row, actor.sessionId));
  }

  /** Ends the session the caller uses. */
  async logout(actor: SessionActor): Promise<void> {
    await this.database.as(actor).tx(async (tx) => {
      await this.sessions.revoke(tx, actor.sessionId, actor.userId, 'logout');
      await this.audit.record(tx, {
        actor,
        action: 'auth.logout',
        resource: sessionResource(actor.sessionId),
      });
    });
  }

  async logoutAll(actor: SessionActor): Promise<void> {
    await this.database.as(actor).tx(async (tx) => {
      const count = await this.sessions.revokeAll(tx, actor.userId, 'logout_all');
      await this.audit.record(tx, { actor, action: 'auth.logout_all', details: { sessions: count } });
    });
  }

  /** Ends all sessions of the caller but the one in use, in the caller's transaction, which records it. How many. */
  async endOthers(tx: Tx, actor: SessionActor, reason: RevocationReason): Promise<number> {
    return this.sessions.revokeOthers(tx, actor.userId, actor.sessionId, reason);
  }

  /** 404 for a session of somebody else or one that has ended already. */
  async end(actor: SessionActor, id: string): Promise<void> {
    await this.database.as(actor).tx(async (tx) => {
      if (!(await this.sessions.revoke(tx, id, actor.userId, 'ended_by_user')))
        throw UserError.notFound('session');
      await this.audit.record(tx, { actor, action: 'session.revoke', resource: sessionResource(id) });
    });
  }

  /** Nobody is signed in yet: the token says which session it is about. */
  private get refreshing(): DatabaseScope {
    return this.database.system('refresh');
  }

  private async spend({ id, counter, hash, nonce }: RefreshableSession): Promise<boolean> {
    // The derivation and what is stored must agree, or the stored hash would prove nothing.
    if (!timingSafeEqual(hash, this.tokens.hash(id, counter, nonce))) throw invalid();
    const next = {
      hash: this.tokens.hash(id, counter + 1, nonce),
      idleSeconds: this.settings.sessionIdleSeconds,
      ...currentDevice(),
    };
    return this.refreshing.tx((tx) => this.sessions.rotate(tx, id, counter, next));
  }

  /** Recorded and told once, as done by the session's own user: of several late copies only the first ends it. */
  private async endForReuse({ id, userId, role }: RefreshableSession): Promise<void> {
    await this.refreshing.tx(async (tx) => {
      if (!(await this.sessions.revoke(tx, id, userId, 'refresh_reuse'))) return;
      await this.audit.record(tx, {
        actor: userActor(userId, role, id),
        action: 'auth.refresh_reuse',
        resource: sessionResource(id),
        result: 'failure',
      });
      const told = { type: REFRESH_REUSED, channel: ACCOUNT_CHANNEL, userId, subjectId: id, data: {} };
      await this.events.record(tx, [told]);
    });
  }

  private opened({ id, userId, nonce }: RefreshableSession, counter: number): OpenSession {
    return { sessionId: id, userId, refreshToken: this.tokens.token(id, counter, nonce) };
  }
}

export const userActor = (userId: string, role: UserRole, sessionId: string): SessionActor => ({
  type: 'user',
  userId,
  role,
  sessionId,
});

const invalid = (): UserError =>
  UserError.unauthenticated('refresh_invalid', 'The refresh token is not valid.');
const ended = (): UserError =>
  UserError.unauthenticated('session_ended', 'The session has ended; log in again.');

function currentDevice(): Device {
  const context = requestContext.current();
  const userAgent = context?.userAgent?.slice(0, USER_AGENT_MAX) ?? null;
  return {
    ipAddress: context?.ipAddress ?? null,
    userAgent,
    deviceInfo: deviceInfoOf(userAgent),
  };
}
