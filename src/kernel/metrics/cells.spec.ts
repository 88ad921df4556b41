import { describe, expect, it } from 'vitest';
import { Counter, Gauge, Histogram } from './cells.js';
import { Series } from './series.js';

const text = { name: 'steward_test_total', help: 'x', labels: ['kind'] } as const;

describe('a histogram', () => {
  it('counts each value in its bucket and in all larger ones, and keeps the sum', () => {
    const cell = new Histogram([0.1, 1, 10]);
    for (const value of [0, 0.1, 0.5, 1, 3, 100]) cell.observe(value);
    expect(cell.samples({ type: 'a' })).toEqual([
      { suffix: '_bucket', labels: { type: 'a', le: '0.1' }, value: 2 },
      { suffix: '_bucket', labels: { type: 'a', le: '1' }, value: 4 },
      { suffix: '_bucket', labels: { type: 'a', le: '10' }, value: 5 },
      { suffix: '_bucket', labels: { type: 'a', le: '+Inf' }, value: 6 },
      { suffix: '_sum', labels: { type: 'a' }, value: 104.6 },
      { suffix: '_count', labels: { type: 'a' }, value: 6 },
    ]);
  });

  it('is not spoilt by what is no number', () => {
    const cell = new Histogram([1]);
    for (const value of [NaN, Infinity, -Infinity, 2]) cell.observe(value);
    expect(cell.samples({}).at(-2)?.value).toBe(2);
    expect(cell.samples({}).at(-1)?.value).toBe(1);
  });
});

describe('a series', () => {
  it('has one cell for each combination of values', () => {
    const series = new Series(text, () => new Counter());
    series.of({ kind: 'a' }).add();
    series.of({ kind: 'a' }).add(2);
    series.of({ kind: 'b' }).add();
    expect(series.samples().map(({ labels, value }) => [labels['kind'], value])).toEqual([
      ['a', 3],
      ['b', 1],
    ]);
  });

  it('counts what comes beyond its limit together', () => {
    const series = new Series(text, () => new Counter());
    for (let n = 0; n < 5_000; n++) series.of({ kind: `made up ${n}` }).add();
    const samples = series.samples();
    expect(samples).toHaveLength(1_001);
    expect(samples.find(({ labels }) => labels['kind'] === 'other')?.value).toBe(4_000);
  });

  it('forgets what it held when it is cleared', () => {
    const series = new Series({ ...text, name: 'steward_test' }, () => new Gauge());
    series.of({ kind: 'a' }).set(5);
    series.clear();
    expect(series.samples()).toEqual([]);
  });
});
