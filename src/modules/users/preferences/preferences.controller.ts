import { Body, Controller, Get, Patch, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { OptionalIfMatch, Returns, tagged } from '../../../kernel/http/index.js';
import {
  preferencesPatch,
  preferencesView,
  type PreferencesPatch,
  type PreferencesView,
} from './preferences.schema.js';
import { UserPreferences } from './user-preferences.js';

@ApiTags('Users')
@Controller('api/users/me/preferences')
export class PreferencesController {
  constructor(private readonly preferences: UserPreferences) {}

  @Get()
  @Requires('user', 'profile:read')
  @Returns(200, preferencesView, "The caller's preferences; the defaults before anything was changed.")
  async own(
    @CurrentActor() actor: UserActor,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PreferencesView> {
    return tagged(reply, await this.preferences.own(actor));
  }

  @Patch()
  @Requires('user', 'profile:write')
  @Returns(200, preferencesView, 'The preferences after a JSON Merge Patch (RFC 7396); 412 when stale.')
  async change(
    @CurrentActor() actor: UserActor,
    @OptionalIfMatch() expected: number | null,
    @Body({ schema: preferencesPatch }) patch: PreferencesPatch,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PreferencesView> {
    return tagged(reply, await this.preferences.change(actor, expected, patch));
  }
}
