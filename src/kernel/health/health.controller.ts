import { Controller, Get, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Public } from '../auth/access.js';
import { Returns } from '../http/returns.js';
import { Unlimited } from '../rate-limit/unlimited.js';
import { Health, type HealthReport } from './health.js';

const partView = z.object({
  status: z.enum(['ok', 'degraded', 'down']),
  detail: z.string().optional(),
  latencyMs: z.number(),
});
const reportView = z
  .object({
    status: z.enum(['ok', 'degraded', 'down']),
    phase: z.enum(['starting', 'serving', 'draining']),
    parts: z.record(z.string(), partView),
  })
  .meta({ id: 'HealthReport' });

@ApiTags('Health')
@Controller('api/health')
@Public('tells only which parts work, for load balancers and operators')
@Unlimited('load balancers ask often, and are answered from a few checks')
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get()
  @Returns(200, reportView, 'Summary with every part; 503 when a vital part is gone.')
  async summary(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    const report = await this.health.report();
    if (report.status === 'down') void reply.status(503);
    return report;
  }

  @Get('live')
  @Returns(200, z.object({ status: z.literal('ok') }), 'The process answers.')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @Returns(200, reportView, 'Ready for traffic; 503 while starting, draining or without the database.')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthReport> {
    const { ready, ...report } = await this.health.ready();
    if (!ready) void reply.status(503);
    return report;
  }
}
