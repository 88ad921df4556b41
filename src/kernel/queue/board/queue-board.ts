import { getQueueToken } from '@nestjs/bullmq';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Queue } from 'bullmq';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { UserError } from '../../http/errors.js';
import { toAppError, toProblem } from '../../http/problem.js';
import { BOARD_POLICY } from '../../http/security-headers.js';
import { Log } from '../../log/index.js';
import { QUEUE_NAMES } from '../queues.js';
import { BOARD_PATH } from './board-cookie.js';
import { BoardGuard } from './board-guard.js';

/**
 * bull-board: what the queue itself holds, which is messages with the ids of jobs. For looking only, because the rows
 * are the truth and the dispatcher fills the queue from them.
 *
 * Two routes take every method and every path below, so that what bull-board brings, now or in a later version, is
 * behind `BoardGuard` as a whole. It is loaded when the first admin opens it.
 */
@Injectable()
export class QueueBoard implements OnApplicationShutdown {
  private readonly log: Log;
  private server: Promise<FastifyInstance> | null = null;

  constructor(
    private readonly guard: BoardGuard,
    private readonly modules: ModuleRef,
    log: Log,
  ) {
    this.log = log.area('queue board');
  }

  /** To be called before the server is ready: no route can be added later. */
  serve(fastify: FastifyInstance): void {
    for (const url of [BOARD_PATH, `${BOARD_PATH}/*`])
      fastify.all(url, {
        onRequest: (request: FastifyRequest, reply: FastifyReply) => this.admit(request, reply),
        handler: (request: FastifyRequest, reply: FastifyReply) => this.show(request, reply),
      });
  }

  async onApplicationShutdown(): Promise<void> {
    await (await this.server)?.close();
  }

  private async admit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    void reply.header('Content-Security-Policy', BOARD_POLICY);
    try {
      if (!(await this.guard.admit(request, reply))) return undefined;
      // By way of a page of ours: the browser sends the cookie only where one of our pages leads, and the spent ticket
      // goes from the address.
      return reply.type('text/html; charset=utf-8').send(ENTERED);
    } catch (error) {
      return this.refuse(error, request, reply);
    }
  }

  private async show(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') throw nothingThere();
      this.server ??= this.load().catch((error: unknown) => {
        this.server = null;
        throw error;
      });
      const answer = await (await this.server).inject({ method: 'GET', url: request.url });
      if (answer.statusCode === 404) throw nothingThere();
      const type = String(answer.headers['content-type'] ?? 'application/octet-stream');
      return reply.status(answer.statusCode).type(type).send(answer.rawPayload);
    } catch (error) {
      return this.refuse(error, request, reply);
    }
  }

  private async load(): Promise<FastifyInstance> {
    const { bullBoard } = await import('./bull-board.js');
    const queues = QUEUE_NAMES.map((name) => this.modules.get<Queue>(getQueueToken(name), { strict: false }));
    return bullBoard(queues, BOARD_PATH);
  }

  private refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const problem = toAppError(error);
    if (problem.status >= 500) this.log.warn({ err: error }, 'the view of the queues does not work');
    return reply
      .status(problem.status)
      .headers(problem.headers)
      .type('application/problem+json; charset=utf-8')
      .send(JSON.stringify(toProblem(problem, request.url, request.id)));
  }
}

const ENTERED = `<!doctype html><meta charset="utf-8"><title>Steward</title><meta http-equiv="refresh" content="0; url=${BOARD_PATH}/"><a href="${BOARD_PATH}/">Queues</a>`;

const nothingThere = (): UserError => new UserError(404, 'route_not_found', 'There is no such route.');
