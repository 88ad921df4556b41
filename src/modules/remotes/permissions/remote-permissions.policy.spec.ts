import { expect, it } from 'vitest';
import type { Actor, UserRole } from '../../../kernel/auth/index.js';
import type { Right } from './path-rules.js';
import { remotePermissionsPolicy } from './remote-permissions.policy.js';

const user = (userId: string, role: UserRole = 'user'): Actor => ({
  type: 'user',
  userId,
  role,
  sessionId: 's',
});
const all: Right[] = ['read', 'write', 'delete', 'admin'];

it.each<[string, Actor, Right[], string, boolean, boolean, boolean]>([
  ['the owner, of another', user('owner'), all, 'x', true, true, true],
  ['an admin, of another', user('a', 'admin'), all, 'x', true, true, true],
  ['an admin, of themselves', user('a', 'admin'), all, 'a', true, true, true],
  ['who manages it, of another', user('m'), ['admin'], 'x', true, true, true],
  ['who manages it, of themselves', user('m'), ['admin'], 'm', true, true, false],
  ['who uses it, of another', user('u'), ['read', 'write', 'delete'], 'x', false, false, true],
  ['who uses it, of themselves', user('u'), ['read'], 'u', false, true, false],
])('%s', (_, actor, rights, userId, manage, see, change) => {
  expect({
    manage: remotePermissionsPolicy.manage({ rights }),
    see: remotePermissionsPolicy.see(actor, { rights }, userId),
    change: remotePermissionsPolicy.change(actor, 'owner', userId),
  }).toEqual({ manage, see, change });
});
