import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cronRule } from '../../../../test/factories/timing-rule.js';
import { nextAfter, upcoming, type DaylightSavingPolicy } from './index.js';

const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
const table = readme.slice(readme.indexOf('### Cases'), readme.indexOf('The preview says it:'));

interface Case {
  readonly zone: string;
  readonly pattern: string;
  readonly day: string;
  readonly dst: Partial<DaylightSavingPolicy>;
  readonly runs: readonly string[];
}

const cases = table
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  )
  .filter(([, pattern]) => pattern?.startsWith('`'))
  .map(([zone = '', pattern = '', day = '', policy = '', runs = '']): Case => {
    const [name, value] = policy.split(': ');
    const dst = value === undefined ? {} : { [name!]: value };
    return { zone, pattern: pattern.slice(1, -1), day, dst, runs: runs.split(', ') };
  });

describe('the documented cases', () => {
  it('are of every zone whose clocks do something of their own', () => {
    expect(new Set(cases.map(({ zone }) => zone))).toEqual(
      new Set([
        'America/New_York',
        'Australia/Lord_Howe',
        'Pacific/Apia',
        'Africa/Casablanca',
        'Africa/Cairo',
        'America/Sao_Paulo',
        'Asia/Tehran',
        'Asia/Seoul',
        'UTC',
      ]),
    );
  });

  it.each(cases)('$zone $pattern from $day $dst', ({ zone, pattern, day, dst, runs }) => {
    const rule = cronRule(pattern, { timezone: zone, dst });
    // Where clocks are furthest behind, a day begins half a day later than in UTC.
    const items = upcoming(rule, Date.parse(`${day}T00:00:00Z`) - 86_400_000, 50).filter(
      ({ local }) => local.slice(0, 10) >= day,
    );
    const shown = items
      .slice(0, runs.length)
      .map(({ local, note }) => (note === null ? local : `${local} ${note}`));
    expect(shown).toEqual(runs);
    // What is shown is what is planned.
    for (const [index, { at }] of items.slice(1).entries())
      expect(nextAfter(rule, items[index]!.at)).toBe(at);
  });
});
