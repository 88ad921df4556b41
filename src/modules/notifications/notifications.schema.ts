import { z } from 'zod';
import { instantOut, oneOf, pageOf, pageQuery, uuid } from '../../kernel/http/index.js';
import { NOTIFICATION_PRIORITIES } from './notification.entity.js';

const flagIn = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((text) => text === 'true')
  .optional();
const priority = oneOf(NOTIFICATION_PRIORITIES);

export const notificationsQuery = z.strictObject({
  ...pageQuery,
  isRead: flagIn,
  isArchived: flagIn,
  priority: priority.optional(),
  type: z.string().max(50).optional(),
});
export type NotificationsQuery = z.output<typeof notificationsQuery>;

export const notificationChanges = z
  .strictObject({ isRead: z.boolean().optional(), isArchived: z.boolean().optional() })
  .refine((changes) => Object.keys(changes).length > 0, 'must name isRead or isArchived');
export type NotificationChanges = z.output<typeof notificationChanges>;

/** Which notifications to mark: some, or a watermark and everything before it. */
export const markReadBody = z.union([
  z.strictObject({ ids: z.array(uuid).min(1).max(1_000) }),
  z.strictObject({ upTo: uuid }),
]);
export type MarkReadBody = z.output<typeof markReadBody>;

export const notificationView = z
  .object({
    id: uuid,
    type: z.string(),
    title: z.string(),
    message: z.string(),
    data: z.record(z.string(), z.unknown()),
    priority,
    isRead: z.boolean(),
    isArchived: z.boolean(),
    readAt: instantOut.nullable(),
    expiresAt: instantOut.nullable(),
    createdAt: instantOut,
    updatedAt: instantOut,
  })
  .meta({ id: 'Notification' });
export type NotificationView = z.output<typeof notificationView>;
export const notificationPage = pageOf(notificationView);
export const unreadCount = z.object({ count: z.number().int() });
export const markedCount = z.object({ marked: z.number().int() });
