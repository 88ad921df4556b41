import { Body, Controller, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { CurrentActor, Requires, type UserActor } from '../../kernel/auth/index.js';
import type { Page } from '../../kernel/database/index.js';
import { Returns, idParam } from '../../kernel/http/index.js';
import {
  adminChanges,
  newUserIn,
  ownChanges,
  userPage,
  userView,
  usersQuery,
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
  own(@CurrentActor() actor: UserActor): Promise<UserView> {
    return this.users.get(actor.userId);
  }

  @Patch('me')
  @Requires('user', 'profile:write')
  @Returns(200, userView, 'The caller after the change.')
  updateOwn(
    @CurrentActor() actor: UserActor,
    @Body({ schema: ownChanges }) changes: OwnChanges,
  ): Promise<UserView> {
    return this.users.update(actor, actor.userId, changes);
  }

  @Get()
  @Requires('admin', 'users:read')
  @Returns(200, userPage, 'Users, newest first; `q` searches e-mail, username and full name.')
  list(@Query({ schema: usersQuery }) query: UsersQuery): Promise<Page<UserView>> {
    return this.users.list(query);
  }

  @Post()
  @Requires('admin', 'users:write')
  @Returns(201, userView, 'The new user.')
  create(@CurrentActor() actor: UserActor, @Body({ schema: newUserIn }) input: NewUserIn): Promise<UserView> {
    return this.users.createWithPassword(actor, input);
  }

  @Get(':id')
  @Requires('admin', 'users:read')
  @Returns(200, userView, 'One account.')
  one(@Param({ schema: idParam }) { id }: z.output<typeof idParam>): Promise<UserView> {
    return this.users.get(id);
  }

  @Patch(':id')
  @Requires('admin', 'users:write')
  @Returns(200, userView, 'The user after the change; 409 for the last active admin.')
  update(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: z.output<typeof idParam>,
    @Body({ schema: adminChanges }) changes: z.output<typeof adminChanges>,
  ): Promise<UserView> {
    return this.users.update(actor, id, changes);
  }
}
