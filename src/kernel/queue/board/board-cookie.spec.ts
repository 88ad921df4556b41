import { createSecretKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { BOARD_SECONDS, BoardCookie } from './board-cookie.js';

const NOW = new Date('2026-11-21T12:00:00Z');
const after = (seconds: number): Date => new Date(NOW.getTime() + seconds * 1000);
const actor = {
  type: 'user',
  userId: '019a9f5e-0000-7000-8000-000000000001',
  sessionId: '019a9f5e-0000-7000-8000-000000000002',
  role: 'admin',
} as const;

const cookies = new BoardCookie(createSecretKey(Buffer.alloc(32, 1)));
const header = cookies.issue(actor, NOW, false);
const pair = header.split(';')[0] ?? '';

describe('the cookie of the board', () => {
  it('says whose session it is, among other cookies, too', () => {
    expect(cookies.read(pair, NOW)).toEqual(actor);
    expect(cookies.read(`theme=dark; ${pair}; x=y=z`, after(BOARD_SECONDS - 1))).toEqual(actor);
  });

  it('is for this path only, out of reach of scripts and of other sites', () => {
    expect(header.split('; ').slice(1)).toEqual([
      `Max-Age=${BOARD_SECONDS}`,
      'Path=/admin/queues',
      'HttpOnly',
      'SameSite=Strict',
    ]);
    expect(cookies.issue(actor, NOW, true)).toMatch(/; Secure$/);
  });

  it('ends by itself', () => {
    expect(cookies.read(pair, after(BOARD_SECONDS))).toBeNull();
  });

  it('is worth nothing of another deployment', () => {
    expect(new BoardCookie(createSecretKey(Buffer.alloc(32, 2))).read(pair, NOW)).toBeNull();
  });

  it.each([
    undefined,
    '',
    'steward_queues=',
    'steward_queues=.',
    'steward_queues=a.b.c',
    pair.slice(0, -1),
    `${pair}A`,
    pair.replace('.', '..'),
    pair.replace(/=./, '=X'),
    `other${pair}`,
    `steward_queues=${'x'.repeat(5_000)}`,
    'steward_queues=%00🙂ก',
  ])('is not %s', (text) => {
    expect(cookies.read(text, NOW)).toBeNull();
  });
});
