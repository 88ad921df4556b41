import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Requires } from '../../kernel/auth/index.js';
import { Returns } from '../../kernel/http/index.js';
import { RemoteTypesService } from './remote-types.service.js';
import { remoteTypeList, type RemoteTypeView } from './remotes.schema.js';

@ApiTags('Remotes')
@Controller('api/remote-types')
export class RemoteTypesController {
  constructor(private readonly types: RemoteTypesService) {}

  @Get()
  @Requires('user', 'remotes:read')
  @Returns(200, remoteTypeList, 'Every type of remote with what it is configured with as JSON Schema.')
  list(): { items: RemoteTypeView[] } {
    return this.types.list();
  }
}
