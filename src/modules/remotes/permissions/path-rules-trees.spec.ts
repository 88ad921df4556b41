import { describe, expect, it } from 'vitest';
import { hiddenText, pathExpression, type Hidden } from '../names/hidden.js';
import { parseRemotePath } from '../remote-path.js';
import { PathRules, type FileRight, type PathRule, type Right, type TreeDecision } from './path-rules.js';

const p = parseRemotePath;
const EXACT = { ignoresCase: false };
const NO_CASE = { ignoresCase: true };
const rule = (path: string, allow: FileRight[] = [], deny: FileRight[] = []): PathRule => ({
  path,
  allow,
  deny,
});
const rulesOf = (pathRules: PathRule[], permissions: Right[] = ['read'], spelling = EXACT): PathRules =>
  new PathRules({ permissions, pathRules }, { denied: spelling, allowed: spelling });

/** As a program does that compares characters. */
const hides = (hidden: readonly Hidden[], path: string): boolean =>
  hidden.some((one) =>
    typeof one === 'string'
      ? path === one || path.startsWith(`${one}/`)
      : new RegExp(`^${pathExpression(one, (code) => `\\u{${code.toString(16)}}`)}$`, 'u').test(path),
  );

/** With what is hidden as people are told of it. */
const told = (tree: TreeDecision): object =>
  tree.answer === 'partial' ? { ...tree, hidden: tree.hidden?.map(hiddenText) ?? null } : tree;

describe('a tree', () => {
  const rules = [
    rule('/team', ['read']),
    rule('/team/*/secret', [], ['read']),
    rule('/team/x/**/key', [], ['read']),
  ];
  it.each([
    ['/', { answer: 'partial', hidden: null, rules }],
    ['/other', { answer: 'none', reason: 'no_rule_allows', rules: [rules[0]] }],
    ['/team', { answer: 'partial', hidden: ['*/secret', 'x/**/key'], rules: [rules[1], rules[2]] }],
    ['/team/a', { answer: 'partial', hidden: ['secret'], rules: [rules[1]] }],
    ['/team/a/secret', { answer: 'none', reason: 'rule_denies', rules: [rules[1]] }],
    ['/team/a/secret/deep', { answer: 'none', reason: 'rule_denies', rules: [rules[1]] }],
    ['/team/a/b', { answer: 'all' }],
    ['/team/x', { answer: 'partial', hidden: ['secret', '**/key'], rules: [rules[1], rules[2]] }],
    ['/team/x/y/key', { answer: 'none', reason: 'rule_denies', rules: [rules[2]] }],
  ])('of %s', (path, expected) => {
    expect(told(rulesOf(rules).tree('read', p(path)))).toEqual(expected);
  });

  it('names what is kept back in every spelling', () => {
    const tree = rulesOf([rule('/a/\u0439/[x]', [], ['read'])]).tree('read', p('/a'));
    expect(tree).toMatchObject({ answer: 'partial', hidden: ['\u0438\u0306/[x]', '\u0439/[x]'] });
  });

  it.each<[string, string, string[]]>([
    ['/**/.git', '/', ['**/.git']],
    ['/**/.git', '/a/b', ['**/.git']],
    ['/a*/x', '/', ['a*/x']],
    ['/a*/x', '/ab', ['x']],
    ['/a/**/b/c', '/', ['a/**/b/c']],
    ['/a/**/b/c', '/a', ['**/b/c']],
    ['/a/**/b/c', '/a/b', ['**/b/c', 'c']],
    ['/a/**/b/c', '/a/x/b', ['**/b/c', 'c']],
    ['/**/a/a/b', '/a/a', ['**/a/a/b', 'a/b', 'b']],
    ['/**/b/**/c', '/b/x', ['**/c']],
    ['/**/b/**/c', '/x', ['**/b/**/c']],
  ])('of a rule for %s leaves out below %s: %j', (glob, at, hidden) => {
    const tree = told(rulesOf([rule(glob, [], ['read'])]).tree('read', p(at)));
    expect(tree).toMatchObject({ answer: 'partial', hidden });
  });

  it('says as a pattern what has no case, or too many spellings', () => {
    const one = [rule('/Secret', [], ['read'])];
    const noCase = rulesOf(one, ['read'], NO_CASE).tree('read', p('/'));
    const long = rulesOf([rule(`/${'한'.repeat(20)}`, [], ['read'])]).tree('read', p('/'));
    for (const [tree, paths] of [
      [noCase, ['secret', 'SECRET/x', '\u017fecret']],
      [long, ['한'.repeat(20), '한'.repeat(20).normalize('NFD'), '하\u11ab'.repeat(20)]],
    ] as const) {
      const hidden = tree.answer === 'partial' ? tree.hidden : null;
      expect(paths.map((path) => hides(hidden ?? [], path))).toEqual(
        paths.map((path) => path[0] !== '\u017f'),
      );
    }
  });

  it.each(['/*\u0301', '/?'.padEnd(400, '?'), `/a${'\u0301'.repeat(4)}*`])('says nothing of %j', (glob) => {
    const tree = rulesOf([rule(glob, [], ['read'])]).tree('read', p('/'));
    expect(tree).toMatchObject({ answer: 'partial', hidden: null });
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
