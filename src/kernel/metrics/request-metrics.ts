import { Injectable } from '@nestjs/common';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Histogram } from './cells.js';
import { Metrics } from './metrics.js';
import type { Series } from './series.js';

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** How long requests take, by the pattern of their route: paths hold ids, and a client can make up any number of them. */
@Injectable()
export class RequestMetrics {
  private readonly durations: Series<'method' | 'route' | 'status', Histogram>;
  private readonly cells = new Map<string, Histogram>();

  constructor(metrics: Metrics) {
    this.durations = metrics.histogram({
      name: 'steward_http_request_duration_seconds',
      help: 'Time from the first byte of a request to the last of its answer. Event streams last as long as they are followed.',
      labels: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    });
  }

  observe(fastify: FastifyInstance): void {
    fastify.addHook('onResponse', (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
      this.cellOf(request, reply).observe(reply.elapsedTime / 1000);
      done();
    });
  }

  private cellOf({ method, routeOptions }: FastifyRequest, { statusCode }: FastifyReply): Histogram {
    const known = METHODS.has(method) ? method : 'other';
    const route = routeOptions.url ?? 'none';
    const status = `${Math.floor(statusCode / 100)}xx`;
    const key = `${known} ${status} ${route}`;
    let cell = this.cells.get(key);
    if (!cell) this.cells.set(key, (cell = this.durations.of({ method: known, route, status })));
    return cell;
  }
}
