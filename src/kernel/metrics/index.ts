export { Counter, Gauge, Histogram } from './cells.js';
export { type Collector } from './collectors.js';
export { Metrics } from './metrics.js';
export { MetricsModule } from './metrics.module.js';
export { type Series } from './series.js';
