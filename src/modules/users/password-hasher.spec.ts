import { describe, expect, it } from 'vitest';
import { OperationalError } from '../../kernel/http/index.js';
import { PasswordHasher } from './password-hasher.js';

describe('PasswordHasher', () => {
  it('hashes with argon2id as OWASP asks and knows the password again', async () => {
    const hasher = new PasswordHasher();
    const stored = await hasher.hash('correct horse');
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await hasher.matches(stored, 'correct horse')).toBe(true);
    expect(await hasher.matches(stored, 'correct horse ')).toBe(false);
    expect(await hasher.hash('correct horse')).not.toBe(stored);
  });

  it('looks at every character of a long password', async () => {
    const hasher = new PasswordHasher();
    const stored = await hasher.hash('ก'.repeat(127) + 'x');
    expect(await hasher.matches(stored, 'ก'.repeat(127) + 'y')).toBe(false);
  });

  it('takes composed and decomposed letters for the same', async () => {
    const hasher = new PasswordHasher();
    expect(await hasher.matches(await hasher.hash('비밀번호-é'), '비밀번호-é'.normalize('NFD'))).toBe(true);
  });

  it('matches nothing when there is no stored hash', async () => {
    expect(await new PasswordHasher().matches(null, 'anything')).toBe(false);
  });

  it('refuses with 503 instead of queueing without end, and serves those it took', async () => {
    const hasher = new PasswordHasher();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 300 }, () => hasher.matches(null, 'anything')),
    );
    const refused = outcomes
      .filter((one) => one.status === 'rejected')
      .map(({ reason }) => reason as unknown);
    expect(refused.length).toBeGreaterThan(0);
    expect(outcomes.length - refused.length).toBeGreaterThanOrEqual(128);
    expect(refused.every((reason) => reason instanceof OperationalError && reason.status === 503)).toBe(true);
    expect(await hasher.matches(null, 'anything')).toBe(false);
  });
});
