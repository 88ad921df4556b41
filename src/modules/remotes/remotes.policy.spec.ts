import { describe, expect, it } from 'vitest';
import type { Actor, UserRole } from '../../kernel/auth/index.js';
import { remotesPolicy } from './remotes.policy.js';

const actor = (userId: string, role: UserRole): Actor => ({ type: 'user', userId, role, sessionId: 's' });
const ownersJob: Actor = { type: 'job', userId: 'owner', role: 'user', jobId: 'j' };
const remote = { ownerId: 'owner' };

describe('remotesPolicy', () => {
  it('lets everybody make what is not local, unless a setting leaves it to admins', () => {
    const user = actor('x', 'user');
    const admin = actor('x', 'admin');
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
    ['the owner', actor('owner', 'user'), { place: false, access: true, seeRoot: true, listOthers: false }],
    [
      'another user',
      actor('x', 'power_user'),
      { place: false, access: false, seeRoot: false, listOthers: false },
    ],
    ['an admin', actor('x', 'admin'), { place: true, access: true, seeRoot: true, listOthers: true }],
    ["a job of the owner's", ownersJob, { place: false, access: true, seeRoot: true, listOthers: false }],
  ])('%s', (_name, who, expected) => {
    expect({
      place: remotesPolicy.place(who, 'local'),
      access: remotesPolicy.access(who, remote),
      seeRoot: remotesPolicy.seeRoot(who, remote),
      listOthers: remotesPolicy.listOthers(who),
    }).toEqual(expected);
  });
});
