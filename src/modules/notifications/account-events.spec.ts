import { expect, it } from 'vitest';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import { ACCOUNT_EVENTS, accountNoticeOf } from './account-events.js';

const event = (type: string, userId: string | null = 'user'): StoredEvent => ({
  cursor: '1-1',
  id: 'event',
  type,
  channel: 'account',
  userId,
  subjectId: 'subject',
  data: {},
  createdAt: '2026-11-21T09:00:00.000Z',
});

it.each(ACCOUNT_EVENTS.map((type) => [type]))('%s is told the user at once, as important', (type) =>
  expect(accountNoticeOf(event(type))).toMatchObject({
    eventId: 'event',
    userId: 'user',
    type,
    priority: 'high',
    scheduleToReplace: null,
  }),
);

it('the session or the user it is about is told along', () => {
  expect(accountNoticeOf(event('auth.refresh_reused'))?.data).toEqual({ sessionId: 'subject' });
  expect(accountNoticeOf(event('auth.login_guessed'))?.data).toEqual({ userId: 'subject' });
});

it('other events and accounts of nobody are not', () => {
  expect(accountNoticeOf(event('job.failed'))).toBeNull();
  expect(accountNoticeOf(event('toString'))).toBeNull();
  expect(accountNoticeOf(event('auth.refresh_reused', null))).toBeNull();
});
