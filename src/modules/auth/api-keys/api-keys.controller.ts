import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { CurrentSession, Requires, type SessionActor } from '../../../kernel/auth/index.js';
import type { Page } from '../../../kernel/database/index.js';
import { Once, Returns, ReturnsNothing, idParam, type OnceRequest } from '../../../kernel/http/index.js';
import {
  apiKeyPage,
  apiKeysQuery,
  createdApiKeyView,
  newApiKeyIn,
  type ApiKeyView,
  type CreatedApiKeyView,
  type NewApiKeyIn,
} from './api-keys.schema.js';
import { ApiKeysService } from './api-keys.service.js';

@ApiTags('Auth')
@Controller('api/auth/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Get()
  @Requires('user', 'session')
  @Returns(
    200,
    apiKeyPage,
    "The caller's API keys, newest first, expired ones too; never the keys themselves.",
  )
  list(
    @CurrentSession() actor: SessionActor,
    @Query({ schema: apiKeysQuery }) page: z.output<typeof apiKeysQuery>,
  ): Promise<Page<ApiKeyView>> {
    return this.keys.list(actor, page);
  }

  @Post()
  @Requires('user', 'session', { recentLogin: true })
  @Returns(201, createdApiKeyView, 'The new key, shown this once.')
  create(
    @CurrentSession() actor: SessionActor,
    @Body({ schema: newApiKeyIn }) body: NewApiKeyIn,
    @Once() once: OnceRequest | null,
  ): Promise<CreatedApiKeyView> {
    return this.keys.create(actor, body, once);
  }

  @Delete(':id')
  @Requires('user', 'session')
  @ReturnsNothing('The key is refused from now on, on every process.')
  revoke(
    @CurrentSession() actor: SessionActor,
    @Param({ schema: idParam }) { id }: z.output<typeof idParam>,
  ): Promise<void> {
    return this.keys.revoke(actor, id);
  }
}
