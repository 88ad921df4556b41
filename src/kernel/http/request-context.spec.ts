import { describe, expect, it } from 'vitest';
import { pathOf } from './request-context.js';

describe('the path of a request', () => {
  it.each([
    ['/api/jobs', '/api/jobs'],
    ['/api/jobs?all=true&q=?', '/api/jobs'],
    ['//example.org/api/health', '//example.org/api/health'],
    ['//[', '//['],
    ['*', '*'],
    ['', ''],
  ])('of %j is %j', (url, path) => expect(pathOf(url)).toBe(path));
});
