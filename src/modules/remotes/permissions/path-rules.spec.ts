import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRemotePath, type RemotePath } from '../remote-path.js';
import { compileGlob, covers, nameKey, pathKeys, type Spelling } from './glob.js';
import {
  PathRules,
  type FileRight,
  type Grant,
  type PathRule,
  type Right,
  type RuleSpelling,
} from './path-rules.js';
import type { Steps } from './segment.js';

const p = (text: string): RemotePath => parseRemotePath(text);
const EXACT = { ignoresCase: false };
const NO_CASE = { ignoresCase: true };
const both = (spelling: Spelling): RuleSpelling => ({ denied: spelling, allowed: spelling });
const rule = (path: string, allow: FileRight[] = [], deny: FileRight[] = []): PathRule => ({
  path,
  allow,
  deny,
});
const rulesOf = (pathRules: PathRule[], permissions: Right[] = ['read'], spelling = EXACT): PathRules =>
  new PathRules({ permissions, pathRules }, both(spelling));

describe('a glob', () => {
  it.each([
    ['/', '', true],
    ['/', 'a/b', true],
    ['/*', '', true],
    ['/**', 'a/b', true],
    ['**', '', true],
    ['/public', 'public', true],
    ['/public', 'public/a/b', true],
    ['/public', 'publicity', false],
    ['/public', '', false],
    ['/public/', 'public/a', true],
    ['/public/*', 'public', true],
    ['/public/*', 'public/a/b', true],
    ['/public/**', 'public', true],
    ['/public/*/**', 'public', false],
    ['/public/*/**', 'public/a', true],
    ['public/*', 'public/a', true],
    ['/a/*/c', 'a/b/c', true],
    ['/a/*/c', 'a/b/b/c', false],
    ['/a/*/c', 'a/b/c/d', true],
    ['/a/**/c', 'a/c', true],
    ['/a/**/c', 'a/b/b/c/d', true],
    ['/a/**/c', 'a/b', false],
    ['/**/**/c', 'c', true],
    ['/**/.git', 'x/.git/config', true],
    ['/**/b/c', 'a/b/b/c', true],
    ['/**/b/**/c/d', 'b/c/x/c/d', true],
    ['/**/b/**/c/d', 'c/d/b', false],
    ['/a**b', 'a/b', false],
    ['/a**b', 'axyb', true],
    ['/*.txt', 'a.txt', true],
    ['/*.txt', 'x/a.txt', false],
    ['/caf\u00e9', 'cafe\u0301/menu', true],
    ['/cafe\u0301', 'caf\u00e9', true],
    ['/caf?', 'cafe\u0301', true],
    ['/Public', 'public', false],
  ])('%j names %j or what it is in: %s', (glob, path, expected) => {
    expect(covers(compileGlob(glob, EXACT), pathKeys(p(path), EXACT))).toBe(expected);
  });

  it.each([
    ['/Public', 'PUBLIC/x', true],
    ['/ФАЙЛ', 'файл', true],
    ['/ΟΔΟΣ', 'οδοσ', true],
    ['/\u0130', 'i\u0307', true],
    ['/CAF\u00c9', 'cafe\u0301', true],
    ['/a', 'b', false],
  ])('without case %j names %j: %s', (glob, path, expected) => {
    expect(covers(compileGlob(glob, NO_CASE), pathKeys(p(path), NO_CASE))).toBe(expected);
  });

  it('is compared by keys that are keys of themselves', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (name, ignoresCase) => {
        const key = nameKey(name, { ignoresCase });
        expect(nameKey(key, { ignoresCase })).toBe(key);
        expect(nameKey(name.normalize('NFD'), { ignoresCase })).toBe(key);
      }),
    );
  });

  it.each([
    ['a hundred **', '/**/a'.repeat(100) + '/b', 'a/'.repeat(1_000)],
    ['a hundred ** with stars', '/**/*a*a'.repeat(100) + '/b', 'aaaa/'.repeat(800)],
    ['nothing but **', '/**'.repeat(100) + '/b', 'a/'.repeat(1_000)],
    ['a run that nearly fits everywhere', '/**' + '/a'.repeat(99) + '/b', 'a/'.repeat(1_000)],
  ])('takes a bounded number of steps: %s', (_, glob, path) => {
    const steps: Steps = { count: 0 };
    expect(covers(compileGlob(glob, EXACT), pathKeys(p(path), EXACT), steps)).toBe(false);
    expect(steps.count).toBeLessThanOrEqual(100 * path.length);
  });
});

describe('a decision', () => {
  it.each<[string, Grant, Right, string, string, string | null]>([
    ['no right', { permissions: [], pathRules: [rule('/', ['read'])] }, 'read', '/a', 'right_missing', null],
    ['no rule', { permissions: ['read'], pathRules: [] }, 'read', '/a', 'no_rule_speaks', null],
    ['another right', { permissions: ['read'], pathRules: [] }, 'write', '/a', 'right_missing', null],
    [
      'an empty rule',
      { permissions: ['read'], pathRules: [rule('/a')] },
      'read',
      '/a',
      'no_rule_speaks',
      null,
    ],
    [
      'a denial, though allowed',
      { permissions: ['read'], pathRules: [rule('/a/b', ['read']), rule('/a', [], ['read'])] },
      'read',
      '/a/b',
      'rule_denies',
      '/a',
    ],
    [
      'a denial in the same rule',
      { permissions: ['read'], pathRules: [rule('/a', ['read'], ['read'])] },
      'read',
      '/a',
      'rule_denies',
      '/a',
    ],
    [
      'allowed',
      { permissions: ['read'], pathRules: [rule('/a', ['read'])] },
      'read',
      '/a/b',
      'rule_allows',
      '/a',
    ],
    [
      'not named',
      { permissions: ['read'], pathRules: [rule('/a', ['read'])] },
      'read',
      '/b',
      'no_rule_allows',
      null,
    ],
    [
      'another action is named',
      { permissions: ['read', 'write'], pathRules: [rule('/a', ['read'])] },
      'write',
      '/a',
      'no_rule_allows',
      null,
    ],
    [
      'a denial elsewhere',
      { permissions: ['read'], pathRules: [rule('/a', [], ['read'])] },
      'read',
      '/b',
      'no_rule_speaks',
      null,
    ],
    [
      'managing has no place',
      { permissions: ['admin'], pathRules: [rule('/a', ['read'])] },
      'admin',
      '/b',
      'no_rule_speaks',
      null,
    ],
    [
      'managing is no right to read',
      { permissions: ['admin'], pathRules: [] },
      'read',
      '/',
      'right_missing',
      null,
    ],
  ])('%s', (_, grant, action, path, reason, by) => {
    const decision = new PathRules(grant, both(EXACT)).decide(action, p(path));
    expect([decision.reason, decision.rule?.path ?? null]).toEqual([reason, by]);
  });
});

it('holds a denial in either case and an allowance as it is written, where nobody knows', () => {
  const rules = new PathRules(
    { permissions: ['read'], pathRules: [rule('/Team', ['read']), rule('/Team/Secret', [], ['read'])] },
    { denied: NO_CASE, allowed: EXACT },
  );
  const reasons = ['/Team/x', '/team/x', '/Team/SECRET/x'].map(
    (path) => rules.decide('read', p(path)).reason,
  );
  expect(reasons).toEqual(['rule_allows', 'no_rule_allows', 'rule_denies']);
});

describe('a tree', () => {
  const rules = [
    rule('/team', ['read']),
    rule('/team/*/secret', [], ['read']),
    rule('/team/x/**/key', [], ['read']),
  ];
  it.each([
    ['/', { answer: 'partial', hidden: null, rules }],
    ['/other', { answer: 'none', reason: 'no_rule_allows', rules: [rules[0]] }],
    ['/team', { answer: 'partial', hidden: null, rules: [rules[1], rules[2]] }],
    ['/team/a', { answer: 'partial', hidden: ['secret'], rules: [rules[1]] }],
    ['/team/a/secret', { answer: 'none', reason: 'rule_denies', rules: [rules[1]] }],
    ['/team/a/secret/deep', { answer: 'none', reason: 'rule_denies', rules: [rules[1]] }],
    ['/team/a/b', { answer: 'all' }],
    ['/team/x', { answer: 'partial', hidden: null, rules: [rules[1], rules[2]] }],
    ['/team/x/y/key', { answer: 'none', reason: 'rule_denies', rules: [rules[2]] }],
  ])('of %s', (path, expected) => {
    expect(rulesOf(rules).tree('read', p(path))).toEqual(expected);
  });

  it('names what is kept back in every spelling', () => {
    const tree = rulesOf([rule('/a/\u0439/[x]', [], ['read'])]).tree('read', p('/a'));
    expect(tree).toMatchObject({ answer: 'partial', hidden: ['\u0438\u0306/[x]', '\u0439/[x]'] });
  });

  it('names nothing where case makes no difference, or spellings are too many', () => {
    const one = [rule('/secret', [], ['read'])];
    expect(rulesOf(one, ['read'], NO_CASE).tree('read', p('/'))).toMatchObject({
      answer: 'partial',
      hidden: null,
    });
    const long = [rule(`/${'한'.repeat(20)}`, [], ['read'])];
    expect(rulesOf(long).tree('read', p('/'))).toMatchObject({ answer: 'partial', hidden: null });
  });

  it('is all or nothing for managing', () => {
    const some = [rule('/a', [], ['read'])];
    expect(rulesOf(some, ['admin']).tree('admin', p('/'))).toEqual({ answer: 'all' });
    expect(rulesOf(some).tree('admin', p('/'))).toEqual({
      answer: 'none',
      reason: 'right_missing',
      rules: [],
    });
  });
});

describe('a listing', () => {
  it('needs no filter where everything may be seen', () => {
    expect(rulesOf([]).filter()).toBeNull();
    expect(rulesOf([rule('/a', [], ['write'])]).filter()).toBeNull();
  });

  it.each([
    ['', true, true],
    ['team', true, true],
    ['team', false, false],
    ['team/a', true, true],
    ['team/a/public', true, true],
    ['team/a/public/x', false, true],
    ['team/a/public/secret', true, false],
    ['team/a/public/secret/x', false, false],
    ['team/a/other', true, false],
    ['tea', true, false],
    ['elsewhere', true, false],
  ])('shows the way to what may be read: %j (a folder: %s) %s', (path, isDir, expected) => {
    const filter = rulesOf([rule('/team/*/public', ['read']), rule('/**/secret', [], ['read'])]).filter();
    expect(filter?.shows(p(path), isDir)).toBe(expected);
  });

  it('shows nothing to who may not read', () => {
    expect(rulesOf([], ['write']).filter()?.shows(p('a'), true)).toBe(false);
  });
});

/** Every path of up to three names: few enough to ask about each, and for each pattern below there is one it fits. */
const NAMES = ['a', 'b', 'ab', '\u0439', '\u0438\u0306', 'A'];
const DEEP = 3;
const UNIVERSE: string[][] = [[]];
for (let from = 0, depth = 0; depth < DEEP; depth += 1) {
  const until = UNIVERSE.length;
  for (; from < until; from += 1) for (const name of NAMES) UNIVERSE.push([...UNIVERSE[from]!, name]);
}

const fold = (text: string, ignoresCase: boolean): string =>
  ignoresCase ? text.normalize('NFC').toLowerCase() : text.normalize('NFC');

/** A name by a regular expression. */
const fitsSlowly = remembered((pattern: string, name: string, ignoresCase: boolean): boolean =>
  new RegExp(`^${fold(pattern, ignoresCase).replaceAll('*', '[^]*').replaceAll('?', '[^]')}$`, 'u').test(
    fold(name, ignoresCase),
  ),
);

/** Replaces each `**` by nothing, one `*`, two … and compares name by name, with each folder on the way. */
const coversSlowly = remembered((glob: string, path: readonly string[], ignoresCase: boolean): boolean => {
  const segments = glob.split('/').filter((segment) => segment !== '');
  if (segments.at(-1) === '*') segments[segments.length - 1] = '**';
  const ways = segments.reduce<string[][]>(
    (all, segment) =>
      segment === '**'
        ? all.flatMap((way) =>
            Array.from({ length: DEEP + 1 }, (_, many) => [...way, ...Array<string>(many).fill('*')]),
          )
        : all.map((way) => [...way, segment]),
    [[]],
  );
  return ways.some((way) =>
    [...path.keys(), path.length].some((end) => fitsPath(way, path.slice(0, end), ignoresCase)),
  );
});

/** Asked again and again with the same few arguments. */
function remembered<T extends readonly unknown[]>(work: (...given: T) => boolean): (...given: T) => boolean {
  const known = new Map<string, boolean>();
  return (...given) => {
    const key = JSON.stringify(given);
    const before = known.get(key) ?? work(...given);
    known.set(key, before);
    return before;
  };
}

const fitsPath = (segments: readonly string[], path: readonly string[], ignoresCase: boolean): boolean =>
  segments.length === path.length &&
  segments.every((segment, at) => fitsSlowly(segment, path[at]!, ignoresCase));

function allowedSlowly(
  grant: Grant,
  action: FileRight,
  path: readonly string[],
  ignoresCase: boolean,
): boolean {
  if (!grant.permissions.includes(action)) return false;
  const speaking = grant.pathRules.filter((one) => coversSlowly(one.path, path, ignoresCase));
  if (speaking.some(({ deny }) => deny.includes(action))) return false;
  if (speaking.some(({ allow }) => allow.includes(action))) return true;
  return grant.pathRules.every(({ allow }) => allow.length === 0);
}

describe('rules, beside asking about every path there is', () => {
  const glob = fc
    .array(fc.constantFrom('a', 'b', 'ab', 'A', '\u0439', '\u0438\u0306', '?', '*', 'a*', '*b', '?b', '**'), {
      maxLength: 3,
    })
    .chain((segments) =>
      fc.constantFrom(`/${segments.join('/')}`, `${segments.join('/')}/`, `/${segments.join('//')}`),
    );
  const rights = fc.subarray<FileRight>(['read', 'write']);
  const grant: fc.Arbitrary<Grant> = fc.record({
    permissions: fc.constantFrom<Right[]>(['read', 'write'], ['read', 'write'], ['read'], []),
    pathRules: fc.array(
      fc.oneof(
        fc.record({ path: glob, allow: rights, deny: fc.constant([]) }),
        fc.record({ path: glob, allow: fc.constant([]), deny: rights }),
        fc.record({ path: glob, allow: rights, deny: rights }),
      ),
      { maxLength: 3 },
    ),
  });
  const folder = fc.array(fc.constantFrom(...NAMES), { maxLength: 1 });

  it('decide, answer for trees, name what is hidden and filter the same', () => {
    fc.assert(
      fc.property(grant, folder, fc.boolean(), (given, at, ignoresCase) => {
        const rules = new PathRules(given, both({ ignoresCase }));
        const here = UNIVERSE.filter((path) => at.every((name, index) => path[index] === name));
        const mayRead = here.filter((path) => allowedSlowly(given, 'read', path, ignoresCase));
        const texts = (paths: readonly string[][]): string[] => paths.map((path) => path.join('/'));
        expect(texts(here.filter((path) => rules.decide('read', p(path.join('/'))).allowed))).toEqual(
          texts(mayRead),
        );

        const tree = rules.tree('read', p(at.join('/')));
        expect(tree.answer === 'all').toBe(mayRead.length === here.length);
        expect(tree.answer !== 'none' || mayRead.length === 0).toBe(true);
        const hidden =
          tree.answer === 'partial' && tree.hidden ? tree.hidden.map((path) => path.split('/')) : null;
        const isHidden = (path: readonly string[]): boolean =>
          hidden?.some((names) => names.every((name, index) => path[at.length + index] === name)) ?? false;
        expect(hidden ? texts(here.filter((path) => !isHidden(path))) : texts(mayRead)).toEqual(
          texts(mayRead),
        );
        expect(given.pathRules).toEqual(expect.arrayContaining(tree.answer === 'all' ? [] : [...tree.rules]));

        const filter = rules.filter();
        const shows = (path: string[], isDir: boolean): boolean =>
          filter?.shows(p(path.join('/')), isDir) ?? true;
        expect(texts(here.filter((path) => shows(path, false)))).toEqual(texts(mayRead));
        const speaks = (path: readonly string[], list: 'allow' | 'deny'): boolean =>
          given.pathRules.some(
            (one) => one[list].includes('read') && coversSlowly(one.path, path, ignoresCase),
          );
        const isOnWay = (path: readonly string[]): boolean =>
          given.permissions.includes('read') &&
          !speaks(path, 'deny') &&
          here.some((other) => path.every((name, index) => other[index] === name) && speaks(other, 'allow'));
        // The deepest folders of all have nothing below them here.
        const folders = here.filter((path) => path.length < DEEP - 1);
        expect(texts(folders.filter((path) => shows(path, true)))).toEqual(
          texts(folders.filter((path) => mayRead.includes(path) || isOnWay(path))),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('decide the same in whatever order', () => {
    fc.assert(
      fc.property(grant, fc.constantFrom(...UNIVERSE), (given, path) => {
        const turned = { ...given, pathRules: given.pathRules.toReversed() };
        expect(new PathRules(turned, both(EXACT)).decide('read', p(path.join('/'))).reason).toBe(
          new PathRules(given, both(EXACT)).decide('read', p(path.join('/'))).reason,
        );
      }),
      { numRuns: 500 },
    );
  });
});
