import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Returns } from '../../../kernel/http/index.js';
import { QueuePauses } from './queue-pauses.js';
import {
  pauseQueueBody,
  queueList,
  queueParam,
  queueView,
  workerList,
  type PauseQueueBody,
  type QueueView,
  type WorkerView,
} from './queues.schema.js';
import { QueuesService } from './queues.service.js';

@ApiTags('Queues')
@Controller('api')
export class QueuesController {
  constructor(
    private readonly queues: QueuesService,
    private readonly pauses: QueuePauses,
  ) {}

  @Get('queues')
  @Requires('admin', 'queues:read')
  @Returns(200, queueList, 'Every queue: how many jobs wait, who works on them, and whether it is paused.')
  async list(@CurrentActor() actor: UserActor): Promise<{ items: QueueView[] }> {
    return { items: await this.queues.list(actor) };
  }

  @Post('queues/:name/pause')
  @Requires('admin', 'queues:write')
  @Returns(
    200,
    queueView,
    'Paused: nothing of it starts any more, what runs goes on. Again: another note and end.',
  )
  async pause(
    @CurrentActor() actor: UserActor,
    @Param({ schema: queueParam }) { name }: { name: string },
    @Body({ schema: pauseQueueBody }) body: PauseQueueBody,
  ): Promise<QueueView> {
    await this.pauses.pause(actor, name, body);
    return this.queues.get(actor, name);
  }

  @Post('queues/:name/resume')
  @Requires('admin', 'queues:write')
  @Returns(200, queueView, 'Goes on at once; 409 when it is not paused.')
  async resume(
    @CurrentActor() actor: UserActor,
    @Param({ schema: queueParam }) { name }: { name: string },
  ): Promise<QueueView> {
    await this.pauses.resume(actor, name);
    return this.queues.get(actor, name);
  }

  @Get('workers')
  @Requires('admin', 'queues:read')
  @Returns(200, workerList, 'The processes that run jobs, newest first.')
  async workers(@CurrentActor() actor: UserActor): Promise<{ items: WorkerView[] }> {
    return { items: await this.queues.workers(actor) };
  }
}
