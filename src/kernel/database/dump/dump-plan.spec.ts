import { expect, it } from 'vitest';
import { inOrder } from './dump-plan.js';

const table = (name: string, ...needs: string[]) => ({ name, needs });
const names = (...tables: { name: string; needs: string[] }[]): string[] =>
  inOrder(tables).map(({ name }) => name);

it('puts what is referred to first, and needs nothing that is not there', () => {
  expect(
    names(table('slots', 'rules', 'jobs'), table('rules', 'users'), table('jobs', 'users'), table('users')),
  ).toEqual(['users', 'rules', 'jobs', 'slots']);
  expect(names(table('a', 'left out'))).toEqual(['a']);
  expect(names()).toEqual([]);
});

it('refuses tables that need each other, naming them', () => {
  expect(() => names(table('a', 'b'), table('b', 'c'), table('c', 'a'), table('d'))).toThrow(/a, b, c$/);
});
