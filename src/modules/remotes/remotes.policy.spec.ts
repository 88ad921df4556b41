import { describe, expect, it } from 'vitest';
import type { Actor, UserRole } from '../../kernel/auth/index.js';
import { remotesPolicy } from './remotes.policy.js';

const actor = (role: UserRole): Actor => ({ type: 'user', userId: 'x', role, sessionId: 's' });

describe('remotesPolicy', () => {
  it('lets everybody make what is not local, unless a setting leaves it to admins', () => {
    const user = actor('user');
    const admin = actor('admin');
    expect([remotesPolicy.make(user, 'sftp', 'users'), remotesPolicy.make(user, 'local', 'users')]).toEqual([
      true,
      false,
    ]);
    expect([
      remotesPolicy.make(user, 'sftp', 'admins'),
      remotesPolicy.make(admin, 'local', 'admins'),
    ]).toEqual([false, true]);
    expect([remotesPolicy.place(user, 'sftp'), remotesPolicy.place(user, 'local')]).toEqual([true, false]);
  });

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
