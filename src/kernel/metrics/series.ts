import type { Cell, Sample } from './cells.js';

/** Combinations of labels one metric may have. What comes beyond is counted together, or a scrape would grow for ever. */
const MOST_CELLS = 1_000;
const OTHER = 'other';

export interface MetricText<Label extends string> {
  /** `steward_<what>_<unit>`; counters end in `_total`. Base units: seconds, bytes. */
  readonly name: string;
  /** One sentence for whoever reads a scrape. */
  readonly help: string;
  readonly labels: readonly Label[];
}

/** One metric: a cell for each combination of label values. */
export class Series<Label extends string, Made extends Cell> {
  private readonly cells = new Map<string, { readonly labels: Record<Label, string>; readonly cell: Made }>();

  constructor(
    readonly text: MetricText<Label>,
    private readonly make: () => Made,
  ) {}

  /** The cell of these values, to be kept by callers that count often. */
  of(labels: Readonly<Record<Label, string>>): Made {
    const names = this.text.labels;
    const key = names.map((name) => labels[name]).join('\0');
    const known = this.cells.get(key);
    if (known) return known.cell;
    const isOther = names.every((name) => labels[name] === OTHER);
    if (this.cells.size >= MOST_CELLS && !isOther)
      return this.of(Object.fromEntries(names.map((name) => [name, OTHER])) as Record<Label, string>);
    const cell = this.make();
    this.cells.set(key, { labels: { ...labels }, cell });
    return cell;
  }

  /** Forgets every cell: for what is measured anew as a whole, so that a queue that is gone is not told of for ever. */
  clear(): void {
    this.cells.clear();
  }

  samples(): Sample[] {
    return [...this.cells.values()].flatMap(({ labels, cell }) => cell.samples(labels));
  }
}
