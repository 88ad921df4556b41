import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathExpression, type Hidden } from '../names/hidden.js';
import type { Spelling } from '../names/name-key.js';
import { parseRemotePath, type RemotePath } from '../remote-path.js';
import {
  PathRules,
  type FileRight,
  type Grant,
  type PathRule,
  type Right,
  type RuleSpelling,
} from './path-rules.js';

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

/** As a program does that compares characters. */
const hides = (hidden: readonly Hidden[], path: string): boolean =>
  hidden.some((one) =>
    typeof one === 'string'
      ? path === one || path.startsWith(`${one}/`)
      : new RegExp(`^${pathExpression(one, (code) => `\\u{${code.toString(16)}}`)}$`, 'u').test(path),
  );

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
        // Only a white list cannot be said.
        const isWhiteList = given.pathRules.some(({ allow }) => allow.length > 0);
        expect(tree.answer === 'partial' && tree.hidden === null && !isWhiteList).toBe(false);
        const hidden = tree.answer === 'partial' ? tree.hidden : null;
        const left = here.filter((path) => !hides(hidden ?? [], path.slice(at.length).join('/')));
        expect(hidden ? texts(left) : texts(mayRead)).toEqual(texts(mayRead));
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
