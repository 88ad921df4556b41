import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Returns, idParam } from '../../../kernel/http/index.js';
import { backupList, backupsQuery, type BackupList, type BackupsQuery } from './backups.schema.js';
import { BackupsService } from './backups.service.js';

@ApiTags('Remotes')
@Controller('api/remotes')
export class BackupsController {
  constructor(private readonly backups: BackupsService) {}

  @Get(':id/backups')
  @Requires('user', 'remotes:read')
  @Returns(200, backupList, 'Backups in one folder with the versions that can be restored.')
  list(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: backupsQuery }) query: BackupsQuery,
  ): Promise<BackupList> {
    return this.backups.list(actor, id, query);
  }
}
