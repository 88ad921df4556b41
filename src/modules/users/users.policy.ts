import type { UserRole } from '../../kernel/auth/index.js';

interface RightsChange {
  readonly role?: UserRole | undefined;
  readonly isActive?: boolean | undefined;
}

/** Whether a change would take the rights of an administrator from somebody who has them. */
export const endsAdministration = ({ role, isActive }: RightsChange): boolean =>
  (role !== undefined && role !== 'admin') || isActive === false;

/** Whether nobody who can administer would be left without this user. */
export const isLastAdmin = (userId: string, activeAdminIds: readonly string[]): boolean =>
  activeAdminIds.length === 1 && activeAdminIds[0] === userId;
