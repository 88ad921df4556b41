import { describe, expect, it } from 'vitest';
import { quietLog } from '../../../test/harness/quiet-log.js';
import { Metrics } from './metrics.js';

const made = () => new Metrics(quietLog());
const lines = async (metrics: Metrics, start: string) =>
  (await metrics.exposition()).split('\n').filter((line) => line.startsWith(start));

describe('metrics', () => {
  it('are told in the text format, label values escaped', async () => {
    const metrics = made();
    const counter = metrics.counter({ name: 'steward_things_total', help: 'Things.', labels: ['kind'] });
    counter.of({ kind: 'a "b"\n\\ ก 🙂' }).add(3);
    const histogram = metrics.histogram({ name: 'steward_x_seconds', help: 'X.', labels: [], buckets: [1] });
    histogram.of({}).observe(0.5);
    expect(await lines(metrics, 'steward_things')).toEqual([
      String.raw`steward_things_total{kind="a \"b\"\n\\ ก 🙂"} 3`,
    ]);
    expect(await lines(metrics, '# TYPE steward_x')).toEqual(['# TYPE steward_x_seconds histogram']);
    expect(await lines(metrics, 'steward_x')).toEqual([
      'steward_x_seconds_bucket{le="1"} 1',
      'steward_x_seconds_bucket{le="+Inf"} 1',
      'steward_x_seconds_sum 0.5',
      'steward_x_seconds_count 1',
    ]);
    expect(await lines(metrics, 'nodejs_eventloop_lag_p99')).toHaveLength(1);
  });

  it('have names in form, once', () => {
    const metrics = made();
    const text = { help: 'x', labels: [] };
    metrics.gauge({ ...text, name: 'steward_a' });
    expect(() => metrics.gauge({ ...text, name: 'steward_a' })).toThrow(/already been registered/);
    for (const name of ['a', 'steward_', 'steward_A', 'steward-a', 'steward_a b', 'steward__a'])
      expect(() => metrics.gauge({ ...text, name })).toThrow(/is no name for a metric/);
    expect(() => metrics.counter({ ...text, name: 'steward_b' })).toThrow(/_total/);
  });

  it('are looked up once for all who ask within five seconds', async () => {
    const metrics = made();
    const gauge = metrics.gauge({ name: 'steward_depth', help: 'x', labels: [] });
    let asked = 0;
    metrics.collect({
      name: 'depth',
      gauges: [gauge],
      measure: () => Promise.resolve(++asked),
      show: (value) => gauge.of({}).set(value),
    });
    await Promise.all(Array.from({ length: 20 }, () => metrics.exposition()));
    expect(await lines(metrics, 'steward_depth')).toEqual(['steward_depth 1']);
    expect(asked).toBe(1);
  });

  it('leave out what cannot be looked up, and say so', async () => {
    const metrics = made();
    const gauge = metrics.gauge({ name: 'steward_depth', help: 'x', labels: [] });
    gauge.of({}).set(5);
    const fails = () => Promise.reject(new Error('no database'));
    metrics.collect({ name: 'depth', gauges: [gauge], measure: fails, show: () => undefined });
    expect(await lines(metrics, 'steward_depth')).toEqual([]);
    expect(await lines(metrics, 'steward_metrics_collector_up')).toEqual([
      'steward_metrics_collector_up{collector="depth"} 0',
    ]);
  });

  it('do not wait for one that hangs, nor ask it twice', async () => {
    const metrics = made();
    let asked = 0;
    const hangs = () => {
      asked++;
      return new Promise<never>(() => undefined);
    };
    metrics.collect({ name: 'stuck', gauges: [], measure: hangs, show: () => undefined });
    await metrics.exposition();
    await metrics.exposition();
    expect(asked).toBe(1);
    expect(await lines(metrics, 'steward_metrics_collector_up')).toEqual([
      'steward_metrics_collector_up{collector="stuck"} 0',
    ]);
  });
});
