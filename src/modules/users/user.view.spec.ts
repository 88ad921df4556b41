import { describe, expect, it } from 'vitest';
import { UserEntity } from './user.entity.js';
import { toManagedUserView, toUserView } from './user.view.js';
import { managedUserView, userView } from './users.schema.js';

const row = Object.assign(new UserEntity(), {
  id: '019a9f5e-0000-7000-8000-000000000001',
  seq: '7',
  email: 'Ali@Example.com',
  emailKey: 'ali@example.com',
  username: null,
  usernameKey: null,
  passwordHash: '$argon2id$canary',
  fullName: 'علی',
  role: 'admin' as const,
  isSuperuser: true,
  isActive: true,
  isVerified: false,
  metadata: { nested: { list: [1, { deep: 'x' }] }, passwordHash: 'their own key' },
  taskCount: 4,
  version: 9,
  lastLoginAt: null,
  deletedAt: null,
  createdAt: new Date('2026-11-20T09:00:00.000Z'),
  updatedAt: new Date('2026-11-20T09:00:00.123Z'),
});

describe('toUserView', () => {
  it('lets out exactly what the contract names', () => {
    expect(toUserView(row)).toEqual({
      id: row.id,
      email: 'Ali@Example.com',
      username: null,
      fullName: 'علی',
      role: 'admin',
      isActive: true,
      isVerified: false,
      isSuperuser: true,
      metadata: { nested: { list: [1, { deep: 'x' }] }, passwordHash: 'their own key' },
      lastLoginAt: null,
      createdAt: '2026-11-20T09:00:00.000Z',
      updatedAt: '2026-11-20T09:00:00.123Z',
    });
    expect(JSON.stringify(toUserView(row))).not.toContain('canary');
  });

  it('agrees with the response schema', () => {
    expect(Object.keys(toUserView(row)).toSorted()).toEqual(Object.keys(userView.shape).toSorted());
    expect(userView.parse(toUserView(row))).toEqual(toUserView(row));
    expect(managedUserView.parse(toManagedUserView(row))).toEqual(toManagedUserView(row));
  });

  it('shows admins how many tasks there are, and nothing else besides', () => {
    expect(toManagedUserView(row)).toEqual({ ...toUserView(row), taskCount: 4 });
  });
});
