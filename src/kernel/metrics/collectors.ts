import { Log } from '../log/index.js';
import { within } from '../time/index.js';
import type { Gauge } from './cells.js';
import type { Series } from './series.js';

/** What is measured when somebody asks, and not counted as it happens. */
export interface Collector<Measured> {
  readonly name: string;
  /** Those that `show` sets: emptied before it, and also when measuring fails, so that nothing old looks like news. */
  readonly gauges: readonly Pick<Series<string, Gauge>, 'clear'>[];
  measure(): Promise<Measured>;
  show(measured: Measured): void;
}

/** How old a measurement may be: several scrapers, or one in a hurry, cost the database no more than one does. */
const FRESH_MS = 5_000;
/** Prometheus gives a scrape 10 s; one that hangs must not take the others along. */
const LIMIT_MS = 3_000;

/** One collector: measures once for all who ask at the same time, and at most every 5 s. */
export class Collection<Measured> {
  private at = -Infinity;
  private running: Promise<Measured> | null = null;
  /** The measurement that runs has been given up on. */
  private isLate = false;

  constructor(
    private readonly collector: Collector<Measured>,
    /** 1 when the last measurement worked. */
    private readonly up: Gauge,
    private readonly log: Log,
  ) {}

  /** Never rejects. */
  async refresh(): Promise<void> {
    if (performance.now() - this.at < FRESH_MS) return;
    const { name, gauges } = this.collector;
    try {
      const measured = await this.measure();
      for (const gauge of gauges) gauge.clear();
      this.collector.show(measured);
      this.up.set(1);
      this.at = performance.now();
    } catch (error) {
      for (const gauge of gauges) gauge.clear();
      this.up.set(0);
      this.log.debug({ err: error, collector: name }, 'a metric could not be measured');
    }
  }

  /** While a measurement hangs no other one is started, and nobody waits for it any more. */
  private measure(): Promise<Measured> {
    const tooLate = (): Error => {
      this.isLate = true;
      return new Error(`no answer within ${LIMIT_MS} ms`);
    };
    if (this.running && this.isLate) return Promise.reject(tooLate());
    this.running ??= this.collector.measure().finally(() => {
      this.running = null;
      this.isLate = false;
    });
    return within(this.running, LIMIT_MS, tooLate);
  }
}
