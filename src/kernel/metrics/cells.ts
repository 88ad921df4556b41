/** One value with its place in the text that a scrape is answered with. */
export interface Sample {
  /** After the metric's own name: `_bucket`, `_sum`, `_count`. */
  readonly suffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What one combination of labels has counted. Kept by whoever counts, so that counting is one addition. */
export interface Cell {
  samples(labels: Readonly<Record<string, string>>): Sample[];
}

/** Only grows. */
export class Counter implements Cell {
  private total = 0;

  add(by = 1): void {
    this.total += by;
  }

  samples(labels: Readonly<Record<string, string>>): Sample[] {
    return [{ suffix: '', labels, value: this.total }];
  }
}

/** As it is now. */
export class Gauge implements Cell {
  private value = 0;

  set(value: number): void {
    this.value = value;
  }

  samples(labels: Readonly<Record<string, string>>): Sample[] {
    return [{ suffix: '', labels, value: this.value }];
  }
}

/**
 * How often a value was how large. `bounds` are the upper ends of the buckets, ascending. What was observed is added
 * to one bucket only; that each bucket also holds the smaller ones is computed when somebody asks.
 */
export class Histogram implements Cell {
  private readonly counts: Float64Array;
  private sum = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length + 1);
  }

  observe(value: number): void {
    if (!Number.isFinite(value)) return; // one NaN would make the sum NaN for good
    let bucket = 0;
    while (bucket < this.bounds.length && value > (this.bounds[bucket] ?? Infinity)) bucket++;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sum += value;
  }

  samples(labels: Readonly<Record<string, string>>): Sample[] {
    let count = 0;
    const buckets = [...this.counts].map((times, index) => {
      count += times;
      const le = String(this.bounds[index] ?? '+Inf');
      return { suffix: '_bucket', labels: { ...labels, le }, value: count };
    });
    return [
      ...buckets,
      { suffix: '_sum', labels, value: this.sum },
      { suffix: '_count', labels, value: count },
    ];
  }
}
