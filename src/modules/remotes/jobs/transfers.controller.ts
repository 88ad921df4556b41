import { Body, Controller, Param, Patch } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Returns, idParam } from '../../../kernel/http/index.js';
import {
  transferChangesBody,
  transferView,
  type TransferChangesBody,
  type TransferView,
} from './transfers.schema.js';
import { TransfersService } from './transfers.service.js';

@ApiTags('Jobs')
@Controller('api/jobs')
export class TransfersController {
  constructor(private readonly transfers: TransfersService) {}

  @Patch(':id/transfer')
  @Requires('user', 'jobs:write')
  @Returns(
    200,
    transferView,
    'The bandwidth of a file job that runs, from now on and for its further attempts. 409 for one that does not run.',
  )
  change(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Body({ schema: transferChangesBody }) body: TransferChangesBody,
  ): Promise<TransferView> {
    return this.transfers.limit(actor, id, body);
  }
}
