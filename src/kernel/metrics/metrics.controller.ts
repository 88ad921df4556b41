import { Controller, Get, Header } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { Requires } from '../auth/access.js';
import { ReturnsText } from '../http/returns.js';
import { Metrics } from './metrics.js';

@ApiTags('Health')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Requires('admin', 'metrics:read')
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @ReturnsText('Counters and gauges of this process and of the jobs, in the text format of Prometheus.')
  scrape(): Promise<string> {
    return this.metrics.exposition();
  }
}
