import { Body, Controller, Get, Param, Patch, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { z } from 'zod';
import { CurrentActor, Requires, type UserActor } from '../../kernel/auth/index.js';
import type { Page } from '../../kernel/database/index.js';
import {
  Once,
  OptionalIfMatch,
  Returns,
  idParam,
  tagged,
  type OnceRequest,
} from '../../kernel/http/index.js';
import {
  adminChanges,
  managedUserView,
  newUserIn,
  ownChanges,
  userPage,
  userView,
  usersQuery,
  type ManagedUserView,
  type NewUserIn,
  type OwnChanges,
  type UserView,
  type UsersQuery,
} from './users.schema.js';
import { UsersService } from './users.service.js';

@ApiTags('Users')
@Controller('api/users')
export class UsersController {
  constructor(private readonly users: UsersService) {}

  @Get('me')
  @Requires('user', 'profile:read')
  @Returns(200, userView, 'The caller.')
  async own(
    @CurrentActor() actor: UserActor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserView> {
    return tagged(reply, await this.users.getVersioned(actor.userId));
  }

  @Patch('me')
  @Requires('user', 'profile:write')
  @Returns(200, userView, 'The caller after the change; 412 when If-Match is stale.')
  async updateOwn(
    @CurrentActor() actor: UserActor,
    @OptionalIfMatch() expected: number | null,
    @Body({ schema: ownChanges }) changes: OwnChanges,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UserView> {
    return tagged(reply, await this.users.update(actor, actor.userId, changes, expected));
  }

  @Get()
  @Requires('admin', 'users:read')
  @Returns(200, userPage, 'Users, newest first unless sorted; `q` searches e-mail, username and full name.')
  list(@Query({ schema: usersQuery }) query: UsersQuery): Promise<Page<ManagedUserView>> {
    return this.users.list(query);
  }

  @Post()
  @Requires('admin', 'users:write')
  @Returns(201, managedUserView, 'The new user; Location names it.')
  async create(
    @CurrentActor() actor: UserActor,
    @Body({ schema: newUserIn }) input: NewUserIn,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ManagedUserView> {
    const user = await this.users.createWithPassword(actor, input, once);
    void reply.header('Location', `/api/users/${user.id}`);
    return user;
  }

  @Get(':id')
  @Requires('admin', 'users:read')
  @Returns(200, managedUserView, 'One account.')
  async one(
    @Param({ schema: idParam }) { id }: z.output<typeof idParam>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ManagedUserView> {
    return tagged(reply, await this.users.getVersioned(id));
  }

  @Patch(':id')
  @Requires('admin', 'users:write')
  @Returns(200, managedUserView, 'The user after the change; 409 for the last active admin, 412 when stale.')
  async update(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: z.output<typeof idParam>,
    @OptionalIfMatch() expected: number | null,
    @Body({ schema: adminChanges }) changes: z.output<typeof adminChanges>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ManagedUserView> {
    return tagged(reply, await this.users.update(actor, id, changes, expected));
  }
}
