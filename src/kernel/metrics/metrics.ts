import { Injectable } from '@nestjs/common';
import { Registry, collectDefaultMetrics, type Metric } from 'prom-client';
import { Log } from '../log/index.js';
import { Counter, Gauge, Histogram, type Cell } from './cells.js';
import { Collection, type Collector } from './collectors.js';
import { Series, type MetricText } from './series.js';

type Kind = 'counter' | 'gauge' | 'histogram';

/**
 * The door to metrics. Parts make theirs once, at start, and keep the cells they count in; a name that is taken or out
 * of form is refused. What has to be looked up is a collector, asked when somebody scrapes. Nothing is ever sent
 * anywhere: `GET /metrics` is asked for.
 *
 * Labels have few values, known in advance: names of types, queues and routes, never an id or what a client wrote.
 */
@Injectable()
export class Metrics {
  /** Of this application, not of the library: two applications in one process would count into each other. */
  private readonly registry = new Registry();
  private readonly collections: { refresh(): Promise<void> }[] = [];
  private readonly collectorUp: Series<'collector', Gauge>;
  private readonly log: Log;
  private processIsWatched = false;

  constructor(log: Log) {
    this.log = log.area('metrics');
    this.collectorUp = this.gauge({
      name: 'steward_metrics_collector_up',
      help: 'Whether what is looked up at a scrape could be: 0 leaves its metrics out.',
      labels: ['collector'],
    });
  }

  counter<Label extends string = never>(text: MetricText<Label>): Series<Label, Counter> {
    if (!text.name.endsWith('_total')) throw new Error(`the counter ${text.name} does not end in _total`);
    return this.add('counter', text, () => new Counter());
  }

  gauge<Label extends string = never>(text: MetricText<Label>): Series<Label, Gauge> {
    return this.add('gauge', text, () => new Gauge());
  }

  /** `buckets`: upper ends, ascending. */
  histogram<Label extends string = never>(
    text: MetricText<Label> & { readonly buckets: readonly number[] },
  ): Series<Label, Histogram> {
    return this.add('histogram', text, () => new Histogram(text.buckets));
  }

  collect<Measured>(collector: Collector<Measured>): void {
    const up = this.collectorUp.of({ collector: collector.name });
    this.collections.push(new Collection(collector, up, this.log));
  }

  /** Everything, in the text format of Prometheus. Never rejects for what could not be measured. */
  async exposition(): Promise<string> {
    this.watchProcess();
    await Promise.all(this.collections.map((collection) => collection.refresh()));
    return this.registry.metrics();
  }

  /** CPU, memory, event loop lag, garbage collection: measured all the time, so only where somebody asks for it. */
  private watchProcess(): void {
    if (this.processIsWatched) return;
    this.processIsWatched = true;
    collectDefaultMetrics({ register: this.registry });
  }

  private add<Label extends string, Made extends Cell>(
    type: Kind,
    text: MetricText<Label>,
    make: () => Made,
  ): Series<Label, Made> {
    if (!/^steward(_[a-z0-9]+)+$/.test(text.name)) throw new Error(`"${text.name}" is no name for a metric`);
    const series = new Series(text, make);
    const { name, help } = text;
    const metric = {
      name,
      help,
      type,
      get: () =>
        Promise.resolve({
          name,
          help,
          type,
          values: series.samples().map(({ suffix, labels, value }) => ({
            metricName: `${name}${suffix}`,
            labels,
            value,
          })),
        }),
    };
    // The library's own counters look their labels up at each call; it reads any other by the same method `get`.
    this.registry.registerMetric(metric as unknown as Metric);
    return series;
  }
}
