import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Histogram, boundsOf, bucketOf, quantileOf } from './histogram.js';

const times = (values: readonly number[]): Histogram => {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
};
const anyTimes = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 60 });

describe('a histogram of times', () => {
  it('has one bucket for each time, and its bounds hold the time', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 2 ** 31, noNaN: true }), (time) => {
        const [from, to] = boundsOf(bucketOf(time));
        expect(time).toBeGreaterThanOrEqual(from * (1 - 1e-9));
        expect(time).toBeLessThan(to * (1 + 1e-9));
      }),
    );
    expect([bucketOf(-5), bucketOf(Number.NaN), bucketOf(Infinity), bucketOf(1e300)]).toEqual([0, 0, 63, 63]);
  });

  it('is the same however its parts are joined', () => {
    fc.assert(
      fc.property(anyTimes, anyTimes, (a, b) => {
        const { sum, ...whole } = times([...a, ...b]);
        const { sum: other, ...parts } = new Histogram().join(times(a)).join(times(b));
        expect({ ...parts }).toEqual({ ...whole });
        expect(other).toBeCloseTo(sum, 3);
      }),
    );
  });

  it('tells quantiles within the bucket of the true one, and never more than the longest', () => {
    fc.assert(
      fc.property(anyTimes, fc.constantFrom(0.5, 0.95, 1), (values, part) => {
        const sorted = values.toSorted((a, b) => a - b);
        const truth = sorted[Math.ceil(part * sorted.length) - 1]!;
        const [from, to] = boundsOf(bucketOf(truth));
        const told = quantileOf(times(values), part)!;
        expect(told).toBeLessThanOrEqual(Math.max(...values));
        expect(told).toBeGreaterThanOrEqual(Math.min(from, truth) * (1 - 1e-9));
        expect(told).toBeLessThanOrEqual(to * (1 + 1e-9));
      }),
    );
    expect(quantileOf(new Histogram(), 0.5)).toBeNull();
  });
});
