import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { quietLog } from '../../../../test/harness/quiet-log.js';
import type { Database } from '../../../kernel/database/index.js';
import { CredentialChanges, Hub, type CredentialChange } from '../../../kernel/realtime/index.js';
import type { SessionHolder, SessionsRepository } from './sessions.repository.js';
import { StandingSessions } from './standing-sessions.js';

/** A hub whose connection the test cuts and restores. */
class TestHub extends Hub {
  connected = true;
  private readonly listeners: ((message: object) => void)[] = [];
  private readonly reconnects: (() => void)[] = [];

  publish(_topic: string, message: object): void {
    for (const listener of this.listeners) listener(message);
  }
  subscribe(_topic: string, listener: (message: object) => void): () => void {
    this.listeners.push(listener);
    return () => undefined;
  }
  onReconnect(listener: () => void): () => void {
    this.reconnects.push(listener);
    return () => undefined;
  }
  restore(): void {
    this.connected = true;
    for (const listener of this.reconnects) listener();
  }
  async start(): Promise<void> {}
  async stop(): Promise<void> {}
}

/** The rows, and how long each statement takes. */
class Rows {
  readonly standing = new Map<string, SessionHolder>();
  /** The ids of each statement. */
  readonly statements: string[][] = [];
  takesMs = 1;
  broken = false;

  add(sessionId: string, userId: string, more: Partial<SessionHolder> = {}): void {
    this.standing.set(sessionId, {
      sessionId,
      userId,
      role: 'user',
      authenticatedAt: new Date(0),
      hasFactor: false,
      secondsLeft: 3600,
      ...more,
    });
  }

  /** As in PostgreSQL, what a statement sees is settled when it begins. */
  async holders(_read: unknown, ids: readonly string[]): Promise<SessionHolder[]> {
    this.statements.push([...ids]);
    const seen = ids.map((id) => this.standing.get(id)).filter((row) => row !== undefined);
    await new Promise((resolve) => setTimeout(resolve, this.takesMs));
    if (this.broken) throw new Error('Connection terminated');
    return seen;
  }
  async holder(read: unknown, id: string): Promise<SessionHolder | null> {
    return (await this.holders(read, [id]))[0] ?? null;
  }
}

let hub: TestHub;
let rows: Rows;
let sessions: StandingSessions;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  hub = new TestHub();
  rows = new Rows();
  rows.add('s1', 'u1');
  sessions = new StandingSessions(
    rows as unknown as SessionsRepository,
    { system: () => ({ read: {} }) } as unknown as Database,
    hub,
    new CredentialChanges(hub),
    quietLog(),
  );
  sessions.onModuleInit();
});
afterEach(() => {
  sessions.onApplicationShutdown();
  vi.useRealTimers();
});

const announce = (change: CredentialChange): void => hub.publish('credentials', change);
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

/** Asks, and lets the clock run until the answer is there. */
async function ask(sessionId = 's1', userId = 'u1'): Promise<SessionHolder | null> {
  const answer = sessions.holder(sessionId, userId);
  answer.catch(() => undefined);
  await pass(rows.takesMs);
  return answer;
}

describe('what is remembered', () => {
  it('is asked of the database once', async () => {
    expect(await ask()).toMatchObject({ userId: 'u1' });
    expect(await ask()).toMatchObject({ userId: 'u1' });
    expect(rows.statements).toEqual([['s1']]);
  });

  it('is asked once for all who ask at the same time', async () => {
    rows.takesMs = 20;
    const answers = Array.from({ length: 100 }, () => sessions.holder('s1', 'u1'));
    await pass(20);
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ userId: 'u1' });
    expect(rows.statements).toHaveLength(1);
  });

  it('is never that a session has ended', async () => {
    expect(await ask('s2')).toBeNull();
    rows.add('s2', 'u1');
    expect(await ask('s2')).toMatchObject({ sessionId: 's2' });
  });

  it('is read again once a second in one statement, as long as it is used', async () => {
    rows.add('s2', 'u2');
    await ask('s1');
    await ask('s2', 'u2');
    for (let second = 0; second < 5; second++) {
      await pass(1_000);
      await ask('s1');
    }
    expect(rows.statements.filter((ids) => ids.length === 2)).toHaveLength(1);
    expect(rows.statements.slice(3).every((ids) => ids.join() === 's1')).toBe(true);
    expect(rows.statements.length).toBeLessThanOrEqual(8);
  });

  it('is forgotten when it is not used, and then no timer runs', async () => {
    await ask();
    await pass(3_000);
    expect(sessions.size).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
    expect(rows.statements).toHaveLength(2);
  });

  it('is bounded: the least recently used goes first', async () => {
    rows.takesMs = 0;
    for (let n = 0; n < 10_001; n++) {
      rows.add(`b${n}`, 'u1');
      const answer = sessions.holder(`b${n}`, 'u1');
      if (n === 5_000) void sessions.holder('b0', 'u1');
      await pass(0);
      await answer;
    }
    expect(sessions.size).toBe(10_000);
    const before = rows.statements.length;
    await ask('b0');
    expect(rows.statements).toHaveLength(before);
    await ask('b1');
    expect(rows.statements).toHaveLength(before + 1);
  });
});

describe('a session that ends', () => {
  it('is known within 1.5 s although nothing was announced', async () => {
    await ask();
    rows.standing.delete('s1');
    const began = performance.now();
    while ((await ask()) !== null) await pass(10);
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('is known within 1.5 s although the second pass hangs', async () => {
    await ask();
    rows.standing.delete('s1');
    rows.takesMs = 60_000;
    await pass(1_400);
    rows.takesMs = 1;
    await pass(100);
    expect(await ask()).toBeNull();
  });

  it('is believed no longer than 1.5 s from the beginning of a slow read', async () => {
    rows.takesMs = 1_400;
    await ask();
    rows.takesMs = 1;
    expect(rows.statements).toHaveLength(1);
    await pass(100);
    await ask();
    expect(rows.statements).toHaveLength(2);
  });

  it('is known at once when it is announced, by session or by user', async () => {
    await ask();
    rows.standing.delete('s1');
    announce({ sessionIds: ['s1'] });
    expect(await ask()).toBeNull();
    rows.add('s1', 'u1');
    await ask();
    rows.standing.delete('s1');
    announce({ userIds: ['u0', 'u1'] });
    expect(await ask()).toBeNull();
  });

  it.each<[string, CredentialChange]>([
    ['session', { sessionIds: ['s1'] }],
    ['user', { userIds: ['u1'] }],
  ])('is not remembered by a read that began before the news of its %s', async (_, change) => {
    rows.takesMs = 50;
    const early = sessions.holder('s1', 'u1');
    rows.standing.delete('s1');
    announce(change);
    const late = sessions.holder('s1', 'u1');
    await pass(50);
    expect(await early).not.toBeNull();
    expect(await late).toBeNull();
    expect(sessions.size).toBe(0);
  });

  it('is not brought back by a pass that began before the news', async () => {
    await ask();
    rows.takesMs = 50;
    await pass(1_000);
    expect(rows.statements).toHaveLength(2);
    rows.standing.delete('s1');
    announce({ sessionIds: ['s1'] });
    await pass(50);
    expect(sessions.size).toBe(0);
  });

  it('leaves the sessions of others alone', async () => {
    rows.add('s2', 'u2');
    await ask('s2', 'u2');
    announce({ sessionIds: ['s1'], userIds: ['u1'] });
    await ask('s2', 'u2');
    expect(rows.statements).toEqual([['s2']]);
  });

  it('ends by itself at the moment the database gave, by no clock of ours', async () => {
    rows.add('s1', 'u1', { secondsLeft: 0.3 });
    await ask();
    await pass(290);
    rows.standing.delete('s1');
    expect(await ask()).not.toBeNull();
    await pass(20);
    expect(await ask()).toBeNull();
  });
});

describe('another role', () => {
  it('counts within 1.5 s, and at once when it is announced', async () => {
    await ask();
    rows.add('s1', 'u1', { role: 'admin' });
    await pass(1_100);
    expect(await ask()).toMatchObject({ role: 'admin' });
    rows.add('s1', 'u1', { role: 'power_user' });
    announce({ userIds: ['u1'] });
    expect(await ask()).toMatchObject({ role: 'power_user' });
  });
});

describe('a process that cannot hear', () => {
  it('reads the row for every request and remembers nothing', async () => {
    await ask();
    hub.connected = false;
    rows.standing.delete('s1');
    expect(await ask()).toBeNull();
    rows.add('s1', 'u1');
    const answers = [sessions.holder('s1', 'u1'), sessions.holder('s1', 'u1')];
    await pass(1);
    await Promise.all(answers);
    expect(rows.statements).toHaveLength(4);
  });

  it('believes nothing from before when it hears again', async () => {
    await ask();
    hub.connected = false;
    rows.standing.delete('s1');
    hub.restore();
    expect(await ask()).toBeNull();
  });

  it('believes no read that began before it heard again', async () => {
    rows.takesMs = 50;
    const early = sessions.holder('s1', 'u1');
    hub.connected = false;
    rows.standing.delete('s1');
    hub.restore();
    await pass(50);
    expect(await early).not.toBeNull();
    expect(sessions.size).toBe(0);
  });
});

describe('a database that is away', () => {
  it('is an error and never an old answer, once what is remembered is too old', async () => {
    await ask();
    rows.broken = true;
    await pass(1_500);
    await expect(ask()).rejects.toThrow('Connection terminated');
    rows.broken = false;
    expect(await ask()).toMatchObject({ userId: 'u1' });
  });

  it('is an error for all who share the read, and for none after it', async () => {
    rows.broken = true;
    const answers = [sessions.holder('s1', 'u1'), sessions.holder('s1', 'u1')].map((one) =>
      one.catch((error: unknown) => error),
    );
    await pass(1);
    for (const answer of answers) expect(await answer).toBeInstanceOf(Error);
    rows.broken = false;
    expect(await ask()).not.toBeNull();
  });
});
