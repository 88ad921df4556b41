import { z } from 'zod';
import { anyPassword, newPassword } from '../../users/index.js';

export const passwordChange = z.strictObject({
  currentPassword: anyPassword,
  newPassword,
  /** Otherwise every session but the one in use ends. */
  keepOtherSessions: z.boolean({ error: 'must be true or false' }).default(false),
});
export type PasswordChange = z.output<typeof passwordChange>;
