import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { Database } from '../../../kernel/database/index.js';
import { Log } from '../../../kernel/log/index.js';
import { CredentialChanges, Hub, type CredentialChange } from '../../../kernel/realtime/index.js';
import { SessionsRepository, type SessionHolder } from './sessions.repository.js';

/** Longest time for which what a read said is believed, from its beginning. */
const TRUST_MS = 1_500;
/** Time between the beginnings of two passes over what is in use; less than the above, so that entries in use stay. */
const PASS_MS = 1_000;
const MAX_ENTRIES = 10_000;

interface Entry {
  readonly holder: SessionHolder;
  /** When the read began that gave it. This and all times here are those of `performance.now()`. */
  readonly readAt: number;
  readonly endsAt: number;
  used: boolean;
}

/** A read under way. What it finds about these sessions and users is older than news that came meanwhile. */
interface Look {
  readonly began: number;
  readonly spoiled: Set<string>;
  spoiledAll: boolean;
}

interface SharedLook {
  readonly look: Look;
  readonly userId: string;
  readonly result: Promise<SessionHolder | null>;
}

/**
 * Which sessions stand, asked once a request and mostly answered from memory (S1-31, C27).
 *
 * Guarantee: a session that has ended, whose user was deactivated or has another role is known as such here within
 * 1.5 s of the commit, whatever is cut off, and at once when the hub's message arrives. For that
 * - an entry is believed for 1.5 s from the beginning of the read that gave it, never longer;
 * - once a second one statement reads all those again that were used since, and the others are forgotten;
 * - a change that is announced removes its entries, and a read that had begun before leaves none;
 * - while this process cannot hear announcements every request reads its row;
 * - only that a session stands is ever remembered, so nobody is refused by an old answer.
 * When the row cannot be read the error is the caller's (503): never an old answer instead. Expiry is counted from
 * the seconds the database says are left, so the clocks of the two need not agree.
 *
 * Redis is asked nothing (ADR 13). Memory: at most 10,000 entries, least recently used out first.
 */
@Injectable()
export class StandingSessions implements OnModuleInit, OnApplicationShutdown {
  private readonly entries = new Map<string, Entry>();
  private readonly shared = new Map<string, SharedLook>();
  private readonly looks = new Set<Look>();
  private timer: NodeJS.Timeout | undefined;
  private passing = false;
  private stopped = false;
  private unsubscribe: (() => void)[] = [];
  private readonly log: Log;

  constructor(
    private readonly sessions: SessionsRepository,
    private readonly database: Database,
    private readonly hub: Hub,
    private readonly changes: CredentialChanges,
    log: Log,
  ) {
    this.log = log.area('sessions');
  }

  onModuleInit(): void {
    this.unsubscribe = [
      this.changes.listen((change) => this.forget(change)),
      // What was announced while nothing could be heard is lost.
      this.hub.onReconnect(() => this.forgetAll()),
    ];
  }

  onApplicationShutdown(): void {
    this.stopped = true;
    for (const end of this.unsubscribe) end();
    clearTimeout(this.timer);
  }

  /** How many are remembered. */
  get size(): number {
    return this.entries.size;
  }

  /** Null unless the session stands and its user is active. `userId` is whose the caller takes it for. */
  async holder(sessionId: string, userId: string): Promise<SessionHolder | null> {
    if (!this.hub.connected) return this.read(sessionId);
    const entry = this.entries.get(sessionId);
    const now = performance.now();
    if (!entry || now >= entry.readAt + TRUST_MS || now >= entry.endsAt)
      return this.readShared(sessionId, userId);
    entry.used = true;
    // To the end of the map, whose beginning is what goes first.
    this.entries.delete(sessionId);
    this.entries.set(sessionId, entry);
    return entry.holder;
  }

  /** What the row says now: for what is rare and must not be decided on anything older. */
  async read(sessionId: string): Promise<SessionHolder | null> {
    return this.sessions.holder(this.database.system('session check').read, sessionId);
  }

  forget({ sessionIds = [], userIds = [] }: CredentialChange): void {
    const spoiled = [...sessionIds, ...userIds];
    for (const look of this.looks) for (const id of spoiled) look.spoiled.add(id);
    for (const id of sessionIds) {
      this.entries.delete(id);
      this.shared.delete(id);
    }
    if (userIds.length === 0) return;
    for (const [id, { holder }] of this.entries) if (userIds.includes(holder.userId)) this.entries.delete(id);
    for (const [id, { userId }] of this.shared) if (userIds.includes(userId)) this.shared.delete(id);
  }

  forgetAll(): void {
    for (const look of this.looks) look.spoiledAll = true;
    this.entries.clear();
    this.shared.clear();
  }

  /** One read for all who ask at the same time, except for those who ask after news that it may have missed. */
  private readShared(sessionId: string, userId: string): Promise<SessionHolder | null> {
    const under = this.shared.get(sessionId);
    if (under?.userId === userId && performance.now() < under.look.began + TRUST_MS) return under.result;
    const look = this.begin();
    const result = this.fill(sessionId, look).finally(() => {
      this.looks.delete(look);
      if (this.shared.get(sessionId)?.look === look) this.shared.delete(sessionId);
    });
    this.shared.set(sessionId, { look, userId, result });
    return result;
  }

  private async fill(sessionId: string, look: Look): Promise<SessionHolder | null> {
    const holder = await this.read(sessionId);
    if (holder) this.remember(holder, look);
    return holder;
  }

  private begin(): Look {
    const look = { began: performance.now(), spoiled: new Set<string>(), spoiledAll: false };
    this.looks.add(look);
    return look;
  }

  private remember(holder: SessionHolder, { began, spoiled, spoiledAll }: Look, used = true): void {
    const { sessionId, userId, secondsLeft } = holder;
    if (spoiledAll || spoiled.has(sessionId) || spoiled.has(userId)) return;
    const known = this.entries.get(sessionId);
    if (known && known.readAt > began) return;
    this.entries.set(sessionId, {
      holder,
      readAt: began,
      endsAt: began + secondsLeft * 1000,
      used: used || (known?.used ?? false),
    });
    if (this.entries.size > MAX_ENTRIES) this.dropOldest();
    this.planPass(PASS_MS);
  }

  private dropOldest(): void {
    for (const id of this.entries.keys()) {
      this.entries.delete(id);
      return;
    }
  }

  private planPass(milliseconds: number): void {
    if (this.stopped || this.passing) return;
    this.timer ??= setTimeout(() => void this.pass(), milliseconds).unref();
  }

  /** Never rejects. With nothing in use no timer runs. */
  private async pass(): Promise<void> {
    this.timer = undefined;
    this.passing = true;
    const look = this.begin();
    try {
      await this.readAgain(look);
    } catch (error) {
      // What is remembered ends by itself; then each request tries for itself and answers 503.
      this.log.warn({ err: error }, 'the sessions in use could not be read again');
    } finally {
      this.looks.delete(look);
      this.passing = false;
    }
    if (this.entries.size > 0) this.planPass(Math.max(0, look.began + PASS_MS - performance.now()));
  }

  private async readAgain(look: Look): Promise<void> {
    for (const [id, entry] of this.entries)
      if (entry.used) entry.used = false;
      else this.entries.delete(id);
    const ids = [...this.entries.keys()];
    if (ids.length === 0) return;
    const read = this.database.system('session check').read;
    const standing = new Map(
      (await this.sessions.holders(read, ids)).map((holder) => [holder.sessionId, holder]),
    );
    for (const id of ids) {
      const holder = standing.get(id);
      if (!holder) this.entries.delete(id);
      else if (this.entries.has(id)) this.remember(holder, look, false);
    }
  }
}
