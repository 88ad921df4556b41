import { Body, Controller, Delete, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../kernel/auth/index.js';
import type { Page } from '../../kernel/database/index.js';
import {
  IfMatch,
  Once,
  Returns,
  ReturnsNothing,
  idParam,
  tagged,
  type OnceRequest,
} from '../../kernel/http/index.js';
import {
  newRemoteBody,
  remoteChangesBody,
  remotePage,
  remoteView,
  remotesQuery,
  usageQuery,
  usageView,
  type NewRemoteBody,
  type RemoteChangesBody,
  type RemotesQuery,
  type RemoteView,
  type UsageQuery,
  type UsageView,
} from './remotes.schema.js';
import { RemotesService } from './remotes.service.js';

@ApiTags('Remotes')
@Controller('api/remotes')
export class RemotesController {
  constructor(private readonly remotes: RemotesService) {}

  @Get()
  @Requires('user', 'remotes:read')
  @Returns(200, remotePage, "The caller's remotes, newest first; admins see all.")
  list(
    @CurrentActor() actor: UserActor,
    @Query({ schema: remotesQuery }) query: RemotesQuery,
  ): Promise<Page<RemoteView>> {
    return this.remotes.list(actor, query);
  }

  @Post()
  @Requires('user', 'remotes:write')
  @Returns(201, remoteView, 'The new remote; Location names it. Local ones only by admins.')
  async create(
    @CurrentActor() actor: UserActor,
    @Body({ schema: newRemoteBody }) body: NewRemoteBody,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RemoteView> {
    const remote = tagged(reply, await this.remotes.create(actor, body, once));
    void reply.header('Location', `/api/remotes/${remote.id}`);
    return remote;
  }

  @Get(':id')
  @Requires('user', 'remotes:read')
  @Returns(200, remoteView, 'One remote; secrets never come out.')
  async get(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RemoteView> {
    return tagged(reply, await this.remotes.get(actor, id));
  }

  @Patch(':id')
  @Requires('user', 'remotes:write')
  @Returns(200, remoteView, 'The remote after the change. Needs If-Match: 428 without, 412 when stale.')
  async update(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @IfMatch() expected: number | null,
    @Body({ schema: remoteChangesBody }) changes: RemoteChangesBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RemoteView> {
    return tagged(reply, await this.remotes.update(actor, id, expected, changes));
  }

  @Delete(':id')
  @Requires('user', 'remotes:write')
  @ReturnsNothing('Forgotten; its files stay. Needs If-Match. Jobs that name it fail when they run.')
  delete(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @IfMatch() expected: number | null,
  ): Promise<void> {
    return this.remotes.delete(actor, id, expected);
  }

  @Post(':id/check')
  @Requires('user', 'remotes:write')
  @Returns(200, remoteView, 'The remote with what the check has found.')
  async check(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RemoteView> {
    return tagged(reply, await this.remotes.check(actor, id));
  }

  @Get(':id/usage')
  @Requires('user', 'remotes:read')
  @Returns(
    200,
    usageView,
    'Bytes in total, used and free, as far as the storage tells; at most 5 minutes old.',
  )
  usage(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: usageQuery }) { fresh }: UsageQuery,
  ): Promise<UsageView> {
    return this.remotes.usage(actor, id, fresh === 'true');
  }
}
