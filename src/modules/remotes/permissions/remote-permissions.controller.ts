import { Body, Controller, Delete, Get, Param, Put, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import type { Page } from '../../../kernel/database/index.js';
import {
  GivenIfMatch,
  OptionalIfMatch,
  Returns,
  ReturnsNothing,
  idParam,
  tagged,
} from '../../../kernel/http/index.js';
import {
  explainQuery,
  explanation,
  permissionBody,
  permissionPage,
  permissionParams,
  permissionView,
  permissionsQuery,
  type Explanation,
  type ExplainQuery,
  type PermissionBody,
  type PermissionParams,
  type PermissionView,
  type PermissionsQuery,
} from './remote-permissions.schema.js';
import { RemotePermissionsService } from './remote-permissions.service.js';

@ApiTags('Remotes')
@Controller('api/remotes/:id/permissions')
export class RemotePermissionsController {
  constructor(private readonly permissions: RemotePermissionsService) {}

  @Get()
  @Requires('user', 'remotes:read')
  @Returns(200, permissionPage, 'Who may use the remote, newest first; for who manages it.')
  list(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: permissionsQuery }) query: PermissionsQuery,
  ): Promise<Page<PermissionView>> {
    return this.permissions.list(actor, id, query);
  }

  @Get('explain')
  @Requires('user', 'remotes:read')
  @Returns(200, explanation, 'Whether a user may do it there, and the rule that says so.')
  explain(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: explainQuery }) query: ExplainQuery,
  ): Promise<Explanation> {
    return this.permissions.explain(actor, id, query);
  }

  @Get(':userId')
  @Requires('user', 'remotes:read')
  @Returns(200, permissionView, 'What one user was given; for who manages the remote, and that user.')
  async get(
    @CurrentActor() actor: UserActor,
    @Param({ schema: permissionParams }) params: PermissionParams,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PermissionView> {
    return tagged(reply, await this.permissions.get(actor, params));
  }

  @Put(':userId')
  @Requires('user', 'remotes:write')
  @Returns(
    200,
    permissionView,
    'What the user has now. Replacing needs If-Match: 428 without, 412 when stale.',
  )
  async put(
    @CurrentActor() actor: UserActor,
    @Param({ schema: permissionParams }) params: PermissionParams,
    @GivenIfMatch() expected: number | null | undefined,
    @Body({ schema: permissionBody }) body: PermissionBody,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PermissionView> {
    return tagged(reply, await this.permissions.put(actor, params, expected, body));
  }

  @Delete(':userId')
  @Requires('user', 'remotes:write')
  @ReturnsNothing('Withdrawn: holds for everything asked from now on. If-Match may be left out.')
  delete(
    @CurrentActor() actor: UserActor,
    @Param({ schema: permissionParams }) params: PermissionParams,
    @OptionalIfMatch() expected: number | null,
  ): Promise<void> {
    return this.permissions.delete(actor, params, expected);
  }
}
