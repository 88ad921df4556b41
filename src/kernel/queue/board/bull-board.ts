import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import { fastify, type FastifyInstance } from 'fastify';

/** Without the routes that change something: nobody has to prove that their requests come from our page. */
class ReadOnlyAdapter extends FastifyAdapter {
  override setApiRoutes(routes: Parameters<FastifyAdapter['setApiRoutes']>[0]): this {
    super.setApiRoutes(routes.filter(({ method }) => method === 'get'));
    return this;
  }
}

/**
 * bull-board as a server of its own that listens nowhere: its error handlers, its templates and its files stay apart
 * from ours. `path` is where its pages say that they are.
 */
export async function bullBoard(queues: readonly Queue[], path: string): Promise<FastifyInstance> {
  const board = new ReadOnlyAdapter();
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true, allowRetries: false })),
    serverAdapter: board,
    options: {
      uiConfig: {
        boardTitle: 'Steward: messages of the queue. The jobs themselves are at /api/jobs.',
        hideDocsLink: true,
        // Ours have no logs, no flows and no schedulers; the rows have what there is to know about a job.
        showMetrics: false,
      },
    },
  });
  const server = fastify();
  await server.register(board.setBasePath(path).registerPlugin(), { prefix: path });
  await server.ready();
  return server;
}
