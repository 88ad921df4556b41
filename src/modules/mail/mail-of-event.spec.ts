import { describe, expect, it } from 'vitest';
import { newId } from '../../kernel/database/index.js';
import type { StoredEvent } from '../../kernel/realtime/index.js';
import { ACCOUNT_MAILS, EMAIL_CHANGE_ASKED, NEW_DEVICE_USED, PASSWORD_RESET_ASKED } from '../auth/index.js';
import { jobIdOf, mailsOf } from './mail-of-event.js';

const USER = '019a0000-0000-7000-8000-00000000000a';
const TOKEN = '019a0000-0000-7000-8000-00000000000b';
const event = (type: string, changes: Partial<StoredEvent> = {}): StoredEvent => ({
  cursor: '1-1',
  id: newId(),
  type,
  channel: 'account',
  userId: USER,
  subjectId: USER,
  data: { tokenId: TOKEN },
  createdAt: '2026-11-21T09:40:00.000Z',
  ...changes,
});

describe('mailsOf', () => {
  it('names the mail, the person and the code, and nothing else', () => {
    const asked = event(PASSWORD_RESET_ASKED, { data: { tokenId: TOKEN, email: 'a@b.c' } });
    expect(mailsOf(asked)).toEqual([{ mail: 'reset-password', userId: USER, subjectId: TOKEN }]);
    expect(mailsOf(event(NEW_DEVICE_USED, { subjectId: TOKEN, data: {} }))).toMatchObject([
      { mail: 'new-device', subjectId: TOKEN },
    ]);
    expect(mailsOf(event(EMAIL_CHANGE_ASKED)).map(({ mail }) => mail)).toEqual([
      'confirm-new-email',
      'email-change-asked',
    ]);
  });

  it('sends nothing for nobody and for other events', () => {
    expect(mailsOf(event(PASSWORD_RESET_ASKED, { userId: null, data: { tokenId: null } }))).toEqual([]);
    expect(mailsOf(event('job.completed'))).toEqual([]);
  });
});

describe('jobIdOf', () => {
  it('gives each mail of each event an id of its own, the same each time', () => {
    const ids = new Set<string>();
    for (let count = 0; count < 200; count++) {
      const id = newId();
      for (const mail of ACCOUNT_MAILS) {
        expect(jobIdOf(id, mail)).toBe(jobIdOf(id, mail));
        ids.add(jobIdOf(id, mail));
      }
    }
    expect(ids.size).toBe(200 * ACCOUNT_MAILS.length);
  });

  it('is a UUIDv7 of the moment of the event', () => {
    const id = newId();
    const job = jobIdOf(id, 'new-device');
    expect(job).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(job.slice(0, 13)).toBe(id.slice(0, 13));
  });
});
