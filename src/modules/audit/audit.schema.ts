import { z } from 'zod';
import { instantIn, instantOut, pageOf, pageQuery, uuid } from '../../kernel/http/index.js';

export const auditQuery = z.strictObject({
  ...pageQuery,
  userId: uuid.optional(),
  action: z.string().max(100).optional(),
  resourceType: z.string().max(50).optional(),
  resourceId: z.string().max(255).optional(),
  result: z.enum(['success', 'failure', 'error']).optional(),
  from: instantIn.optional(),
  to: instantIn.optional(),
});

export const auditEntryView = z
  .object({
    id: uuid,
    actorType: z.string(),
    userId: uuid.nullable(),
    action: z.string(),
    resourceType: z.string().nullable(),
    resourceId: z.string().nullable(),
    result: z.enum(['success', 'failure', 'error']),
    details: z.record(z.string(), z.unknown()),
    ipAddress: z.string().nullable(),
    userAgent: z.string().nullable(),
    requestId: z.string().nullable(),
    createdAt: instantOut,
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntryView = z.output<typeof auditEntryView>;
export const auditPage = pageOf(auditEntryView);
