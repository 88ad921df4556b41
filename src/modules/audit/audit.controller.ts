import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { CurrentActor, Requires, type UserActor } from '../../kernel/auth/index.js';
import type { Page } from '../../kernel/database/index.js';
import { Returns, pageQuery } from '../../kernel/http/index.js';
import { AuditService } from './audit.service.js';
import { auditPage, auditQuery, type AuditEntryView } from './audit.schema.js';

const ownQuery = z.strictObject(pageQuery);

@ApiTags('Audit')
@Controller('api')
export class AuditController {
  constructor(private readonly audit: AuditService) {}

  @Get('audit-logs')
  @Requires('admin', 'audit:read')
  @Returns(200, auditPage, 'The audit trail, newest first.')
  list(@Query({ schema: auditQuery }) query: z.output<typeof auditQuery>): Promise<Page<AuditEntryView>> {
    return this.audit.list(query);
  }

  @Get('users/me/audit-logs')
  @Requires('user', 'profile:read')
  @Returns(200, auditPage, 'What the caller did, newest first.')
  own(
    @CurrentActor() actor: UserActor,
    @Query({ schema: ownQuery }) query: z.output<typeof ownQuery>,
  ): Promise<Page<AuditEntryView>> {
    return this.audit.list({ ...query, userId: actor.userId });
  }
}
