import { describe, expect, it } from 'vitest';
import type { Demands } from './access.js';
import type { UserRole } from './actor.js';
import { refusal } from './auth.guard.js';
import type { Identity } from './authenticator.js';

const NOW = new Date('2026-11-21T12:00:00Z');
const minutesAgo = (minutes: number): Date => new Date(NOW.getTime() - minutes * 60_000);

const person = (role: UserRole = 'user', changes: Partial<Identity> = {}): Identity => ({
  actor: { type: 'user', userId: 'u', role, sessionId: 's' },
  scopes: null,
  authenticatedAt: minutesAgo(60),
  mustEnrol: false,
  ...changes,
});
const key = (...scopes: string[]): Identity => ({
  actor: { type: 'api_key', userId: 'u', role: 'user', keyId: 'k' },
  scopes,
  authenticatedAt: null,
  mustEnrol: false,
});
const code = (
  identity: Identity,
  {
    role = 'user',
    scope = 'jobs:read',
    demands = {},
  }: { role?: UserRole; scope?: 'jobs:read' | 'session'; demands?: Demands } = {},
): string | null => refusal({ kind: 'role', role, scope, demands }, identity, NOW)?.code ?? null;

describe('who may use a route', () => {
  it('asks for the role', () => {
    expect(code(person('user'), { role: 'power_user' })).toBe('role_required');
    expect(code(person('power_user'), { role: 'power_user' })).toBeNull();
    expect(code(person('admin'), { role: 'power_user' })).toBeNull();
  });

  it('asks a key for the scope, and refuses it where only people may go', () => {
    expect(code(key('jobs:read', 'jobs:write'))).toBeNull();
    expect(code(key('jobs:write'))).toBe('scope_required');
    expect(code(key())).toBe('scope_required');
    expect(code(key('jobs:read', 'session'), { scope: 'session' })).toBe('session_required');
  });

  it('asks for a second factor first where the role demands one', () => {
    expect(code(person('user', { mustEnrol: true }))).toBe('mfa_enrolment_required');
    expect(code(person('user', { mustEnrol: true }), { demands: { beforeEnrolment: true } })).toBeNull();
  });

  it('asks for a login of the last ten minutes where the route does', () => {
    const demands = { recentLogin: true } as const;
    expect(code(person('user', { authenticatedAt: minutesAgo(9.99) }), { demands })).toBeNull();
    expect(code(person('user', { authenticatedAt: minutesAgo(10.01) }), { demands })).toBe('reauth_required');
    expect(code(key('jobs:read'), { demands })).toBe('reauth_required');
    expect(code(person('user', { authenticatedAt: minutesAgo(600) }))).toBeNull();
  });

  it('says what a login is made recent with', () => {
    const methods = (identity: Identity): unknown =>
      refusal(
        { kind: 'role', role: 'user', scope: 'jobs:read', demands: { recentLogin: true } },
        identity,
        NOW,
      )?.members['methods'];
    expect(methods(person())).toEqual(['password']);
    expect(methods(person('user', { hasFactor: true }))).toEqual(['password', 'totp', 'recovery_code']);
    expect(methods(key('jobs:read'))).toEqual([]);
  });
});
