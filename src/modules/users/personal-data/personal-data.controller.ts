import { Controller, Delete, Get, Param, StreamableFile } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { CurrentSession, Requires, type SessionActor } from '../../../kernel/auth/index.js';
import { ReturnsFile, ReturnsNothing, idParam } from '../../../kernel/http/index.js';
import { ErasuresService } from './erasures.service.js';
import { ExportsService } from './exports.service.js';

@ApiTags('Users')
@Controller('api/users')
export class PersonalDataController {
  constructor(
    private readonly erasures: ErasuresService,
    private readonly exports: ExportsService,
  ) {}

  @Get('me/export')
  @Requires('user', 'session', { recentLogin: true })
  @ReturnsFile('application/zip', 'Everything about the caller, as JSON files in one archive.')
  async export(@CurrentSession() actor: SessionActor): Promise<StreamableFile> {
    const { name, archive } = await this.exports.open(actor, actor.userId);
    return new StreamableFile(archive, {
      type: 'application/zip',
      disposition: `attachment; filename="${name}"`,
    });
  }

  @Delete('me')
  @Requires('user', 'session', { recentLogin: true })
  @ReturnsNothing('The caller is erased; 409 for the last active admin.')
  eraseOwn(@CurrentSession() actor: SessionActor): Promise<void> {
    return this.erasures.erase(actor, actor.userId);
  }

  @Delete(':id')
  @Requires('admin', 'session', { recentLogin: true })
  @ReturnsNothing('The person is erased; 409 for the last active admin.')
  erase(
    @CurrentSession() actor: SessionActor,
    @Param({ schema: idParam }) { id }: z.output<typeof idParam>,
  ): Promise<void> {
    return this.erasures.erase(actor, id);
  }
}
