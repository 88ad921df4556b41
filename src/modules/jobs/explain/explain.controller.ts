import { Controller, Get, Param } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Returns, idParam } from '../../../kernel/http/index.js';
import { explanationView, type ExplanationView } from './explain.schema.js';
import { ExplainService } from './explain.service.js';

@ApiTags('Jobs')
@Controller('api')
export class ExplainController {
  constructor(private readonly explanations: ExplainService) {}

  @Get('jobs/:id/explain')
  @Requires('user', 'jobs:read')
  @Returns(200, explanationView, 'Why the job is not running yet, or what it is doing.')
  explain(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
  ): Promise<ExplanationView> {
    return this.explanations.explain(actor, id);
  }
}
