import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Log } from '../log/index.js';
import { AppError, UserError } from './errors.js';
import { toAppError, toProblem } from './problem.js';
import { pathOf, requestContext } from './request-context.js';

/** Every error leaves as application/problem+json and is logged at the level its author deserves. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply>();
    const request = http.getRequest<FastifyRequest>();
    const error = toAppError(thrown);
    // A storage that is full is 507 and no fault of ours.
    if (error.status >= 500 && !(error instanceof UserError)) this.report(error, thrown, request);
    if (reply.raw.headersSent) {
      // A stream that has begun cannot turn into a problem document: cut it, so the client sees it is incomplete.
      reply.raw.destroy();
      return;
    }
    const requestId = requestContext.current()?.requestId ?? request.id;
    void reply
      .status(error.status)
      .headers({ ...error.headers, 'Cache-Control': 'no-store' })
      .type('application/problem+json; charset=utf-8')
      .send(JSON.stringify(toProblem(error, request.url, requestId)));
  }

  private report(error: AppError, thrown: unknown, request: FastifyRequest): void {
    const details = { err: thrown, method: request.method, path: pathOf(request.url) };
    if (error.status === 503) this.log.warn(details, error.message);
    else this.log.error(details, 'unexpected error');
  }
}
