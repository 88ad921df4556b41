import { z } from 'zod';
import { USER_ROLES, type UserRole } from '../auth/actor.js';
import type { SettingDefinition } from './setting.js';

/** Second factors. */
export const FACTOR_SETTINGS = {
  mfaRequiredRoles: {
    env: 'STEWARD_MFA_REQUIRED_ROLES',
    help: 'Roles whose people must have a second factor, comma-separated (user, power_user, admin). Until they have set one up they can do nothing else, and neither can their API keys. Absent: it is everybody’s own choice.',
    schema: z
      .string()
      .optional()
      .transform((value) => (value ?? '').split(',').map((name) => name.trim()))
      .transform((names) => [...new Set(names.filter((name) => name !== ''))])
      .refine(
        (names): names is UserRole[] =>
          names.every((name) => (USER_ROLES as readonly string[]).includes(name)),
        `must name roles, separated by commas: ${USER_ROLES.join(', ')}`,
      ),
    example: 'admin',
  },
} as const satisfies Record<string, SettingDefinition>;
