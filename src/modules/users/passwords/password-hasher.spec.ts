import { hash, verify } from '@node-rs/argon2';
import { hash as bcrypt } from '@node-rs/bcrypt';
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../kernel/config/index.js';
import { OperationalError } from '../../../kernel/http/index.js';
import { PasswordHasher } from './password-hasher.js';

const withSettings = (environment: Record<string, string> = {}): PasswordHasher =>
  new PasswordHasher(loadSettings({ NODE_ENV: 'test', ...environment }));
const hasher = withSettings();

describe('PasswordHasher', () => {
  it('hashes with argon2id as OWASP asks and knows the password again', async () => {
    const stored = await hasher.hash('correct horse');
    expect(stored).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(await hasher.matches(stored, 'correct horse')).toBe(true);
    expect(await hasher.matches(stored, 'correct horse ')).toBe(false);
    expect(await hasher.matches(stored, 'Correct horse')).toBe(false);
    expect(await hasher.hash('correct horse')).not.toBe(stored);
  });

  it('takes its parameters from the settings', async () => {
    const strong = withSettings({
      STEWARD_ARGON2_MEMORY_KIB: '20000',
      STEWARD_ARGON2_PASSES: '3',
      STEWARD_ARGON2_LANES: '2',
    });
    expect(await strong.hash('correct horse')).toMatch(/^\$argon2id\$v=19\$m=20000,t=3,p=2\$/);
  });

  it.each([72, 73, 127])('looks at byte %i of a long password', async (place) => {
    const at = (letter: string): string => 'x'.repeat(place) + letter;
    const stored = await hasher.hash(at('y'));
    expect(await hasher.matches(stored, at('y'))).toBe(true);
    expect(await hasher.matches(stored, at('z'))).toBe(false);
    expect(await hasher.matches(stored, 'x'.repeat(place))).toBe(false);
  });

  it('takes composed and decomposed letters for the same', async () => {
    expect(await hasher.matches(await hasher.hash('비밀번호-é'), '비밀번호-é'.normalize('NFD'))).toBe(true);
  });

  it('matches nothing when there is no stored hash', async () => {
    expect(await hasher.matches(null, 'anything')).toBe(false);
  });
});

describe('a hash made elsewhere', () => {
  it.each(['2a', '2b', '2y'])('of bcrypt ($%s$) fits as it did there and is outdated', async (version) => {
    const stored = (await bcrypt('пароль с пробелом', 4)).replace(/^\$2.\$/, `$${version}$`);
    expect(await hasher.check(stored, 'пароль с пробелом')).toMatchObject({ right: true, outdated: true });
    expect(await hasher.check(stored, 'пароль с пробелом ')).toMatchObject({ right: false, outdated: false });
  });

  it('of bcrypt looks at 72 bytes and stops at U+0000', async () => {
    const long = await bcrypt(Buffer.from('ก'.repeat(24)), 4);
    expect(await hasher.matches(long, 'ก'.repeat(24) + ' and what else')).toBe(true);
    expect(await hasher.matches(long, 'ก'.repeat(23) + 'ข')).toBe(false);
    const short = await bcrypt('before', 4);
    expect(await hasher.matches(short, 'before\0after')).toBe(true);
    expect(await hasher.matches(short, 'befor\0')).toBe(false);
  });

  it('of bcrypt is compared as typed, without normalising', async () => {
    const decomposed = '비밀번호'.normalize('NFD').slice(0, 20);
    const stored = await bcrypt(decomposed, 4);
    expect(await hasher.matches(stored, decomposed)).toBe(true);
    expect(await hasher.matches(stored, decomposed.normalize('NFC'))).toBe(false);
  });

  it('of argon2 is outdated exactly when it is weaker than today', async () => {
    const of = (memoryCost: number, timeCost: number, algorithm = 2): Promise<string> =>
      hash('correct horse', { memoryCost, timeCost, parallelism: 1, algorithm });
    const outdated = async (stored: string) => {
      const check = await hasher.check(stored, 'correct horse');
      expect(check.right).toBe(true);
      return check.outdated;
    };
    expect(await outdated(await of(19_456, 2))).toBe(false);
    expect(await outdated(await of(20_000, 3))).toBe(false);
    expect(await outdated(await of(19_455, 2))).toBe(true);
    expect(await outdated(await of(47_104, 1))).toBe(true);
    expect(await outdated(await of(19_456, 2, 1))).toBe(true);
  });

  it.each([
    '',
    'correct horse',
    '$1$salt$correct horse',
    '{SHA}correct horse',
    '$2x$04$nr7bhlSlvCAXVfACcOrm8OOhO8jgH9jhQrQ4YKL6NH0PyeWC6fmEe',
    '$2b$31$nr7bhlSlvCAXVfACcOrm8OOhO8jgH9jhQrQ4YKL6NH0PyeWC6fmEe',
    '$2b$04$short',
    '$argon2id$v=19$m=9999999,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA',
    '$argon2id$v=19$m=19456,t=200,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA',
    '$argon2id$v=16$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA',
    '$argon2id$v=19$m=1,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA',
  ])('of an unknown or ruinous kind fits nothing: %s', async (stored) => {
    expect(await hasher.check(stored, 'correct horse')).toMatchObject({ right: false, outdated: false });
  });

  it('is checked with the same parameters as an unknown user’s, which are today’s', async () => {
    // The hash nobody has must be one the library really computes, or unknown users would be answered sooner.
    const today = `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`;
    expect(await verify(today, 'anything')).toBe(false);
  });
});

describe('a storm of 1000 logins', () => {
  it('is answered or refused with 503 and Retry-After, within bounded memory', async () => {
    const before = process.memoryUsage.rss();
    let highest = before;
    const watch = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 5);
    const storm = withSettings();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 1000 }, (_, i) => storm.matches(null, `password ${i}`)),
    );
    clearInterval(watch);
    const refused = outcomes.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as OperationalError] : [],
    );
    const cores = availableParallelism();
    expect(outcomes.length - refused.length).toBe(128 + cores);
    for (const reason of refused) {
      expect(reason).toBeInstanceOf(OperationalError);
      expect(reason).toMatchObject({ status: 503, headers: { 'Retry-After': '2' } });
    }
    // 19 MiB for each core at work, and room for what the process takes otherwise; all at once would be 19 GiB.
    expect((highest - before) / 1_048_576).toBeLessThan(cores * 19 + 200);
    expect(await storm.matches(null, 'anything')).toBe(false);
  });
});
