/** Two buckets for each doubling: an estimate from them is at most about a fifth off. */
const PER_DOUBLING = 2;
/** The last one has everything from 35 days on. */
const BUCKETS = 64;

/** The bucket of a time: `i` has those from 2^(i/2) ms to below 2^((i+1)/2) ms, the first one everything below. */
export function bucketOf(milliseconds: number): number {
  if (!(milliseconds > 1)) return 0;
  return Math.min(BUCKETS - 1, Math.floor(PER_DOUBLING * Math.log2(milliseconds)));
}

/** The smallest and the largest time of a bucket. */
export const boundsOf = (bucket: number): readonly [from: number, to: number] => [
  bucket === 0 ? 0 : 2 ** (bucket / PER_DOUBLING),
  2 ** ((bucket + 1) / PER_DOUBLING),
];

/** Times, counted: how many, how long in all, the longest, and how many in each bucket. */
export interface Times {
  readonly count: number;
  readonly sum: number;
  readonly max: number;
  readonly buckets: readonly number[];
}

/** Times as they are counted. Changed in place: it is done for every job that ends. */
export class Histogram implements Times {
  count = 0;
  sum = 0;
  max = 0;
  readonly buckets: number[] = [];

  /** A moment before the start, as clocks may have it, counts as none. */
  add(milliseconds: number): void {
    const time = Math.max(0, milliseconds);
    this.count += 1;
    this.sum += time;
    if (time > this.max) this.max = time;
    this.addTo(bucketOf(time), 1);
  }

  /** Several that are in one bucket; nothing where there is none. */
  addMany(count: number, bucket: number | null, sum: number | null, max: number | null): void {
    if (bucket === null) return;
    this.count += count;
    this.sum += sum ?? 0;
    this.max = Math.max(this.max, max ?? 0);
    this.addTo(bucket, count);
  }

  join({ count, sum, max, buckets }: Times): this {
    this.count += count;
    this.sum += sum;
    this.max = Math.max(this.max, max);
    for (const [bucket, jobs] of buckets.entries()) this.addTo(bucket, jobs);
    return this;
  }

  private addTo(bucket: number, jobs: number): void {
    while (this.buckets.length <= bucket) this.buckets.push(0);
    this.buckets[bucket]! += jobs;
  }
}

/** The time that this part (0…1) of them did not exceed, as far as buckets tell; null where there are none. */
export function quantileOf({ count, max, buckets }: Times, part: number): number | null {
  if (count === 0) return null;
  let before = 0;
  for (const [bucket, jobs] of buckets.entries()) {
    if (jobs > 0 && before + jobs >= part * count) {
      const [from, to] = boundsOf(bucket);
      const inside = Math.max(0, (part * count - before) / jobs);
      return Math.min(max, from + (to - from) * inside);
    }
    before += jobs;
  }
  return max;
}
