import { describe, expect, it } from 'vitest';
import type { Actor, UserRole } from '../../kernel/auth/index.js';
import { remotesPolicy } from './remotes.policy.js';

const actor = (role: UserRole): Actor => ({ type: 'user', userId: 'x', role, sessionId: 's' });

describe('remotesPolicy', () => {
  it.each([
    ['a user', actor('user'), { place: false, listOthers: false }],
    ['a power user', actor('power_user'), { place: false, listOthers: false }],
    ['an admin', actor('admin'), { place: true, listOthers: true }],
  ])('%s', (_name, who, expected) => {
    expect({ place: remotesPolicy.place(who, 'local'), listOthers: remotesPolicy.listOthers(who) }).toEqual(
      expected,
    );
  });
});
