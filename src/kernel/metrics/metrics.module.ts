import { Global, Module } from '@nestjs/common';
import { DatabaseMetrics } from './database-metrics.js';
import { Metrics } from './metrics.js';
import { MetricsController } from './metrics.controller.js';
import { QueueMetrics } from './queue-metrics.js';
import { RequestMetrics } from './request-metrics.js';

@Global()
@Module({
  controllers: [MetricsController],
  providers: [Metrics, DatabaseMetrics, QueueMetrics, RequestMetrics],
  exports: [Metrics, RequestMetrics],
})
export class MetricsModule {}
