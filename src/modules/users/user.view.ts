import { Expose, Transform, instanceToPlain, plainToInstance } from 'class-transformer';
import type { UserRole } from '../../kernel/auth/index.js';
import type { UserEntity } from './user.entity.js';
import type { ManagedUserView, UserView } from './users.schema.js';

const instant = ({ value }: { value: Date | null }): string | null => value?.toISOString() ?? null;

/** What may leave of a user. A column that is not named here stays inside, whoever forgets it elsewhere. */
class ExposedUser implements UserView {
  @Expose() id: string;
  @Expose() email: string;
  @Expose() username: string | null;
  @Expose() fullName: string | null;
  @Expose() role: UserRole;
  @Expose() isActive: boolean;
  @Expose() isVerified: boolean;
  @Expose() isSuperuser: boolean;

  // Taken as it is: excluding unexposed keys would empty the object, whose keys are the caller's own.
  @Expose()
  @Transform(({ obj }: { obj: { metadata: Record<string, unknown> } }) => obj.metadata)
  metadata: Record<string, unknown>;

  @Expose() @Transform(instant, { toClassOnly: true }) lastLoginAt: string | null;
  @Expose() @Transform(instant, { toClassOnly: true }) createdAt: string;
  @Expose() @Transform(instant, { toClassOnly: true }) updatedAt: string;
}

/** What admins see of a user besides. */
class ExposedManagedUser extends ExposedUser implements ManagedUserView {
  @Expose() taskCount: number;
}

/**
 * The only way from a row to something that leaves the module (rule 5): class-transformer drops every property
 * that is not exposed, then the response schema of the route does so again. Lists use it as well: the rows of
 * this table hold secrets, which is worth the few microseconds a row.
 */
export function toUserView(user: UserEntity): UserView {
  const exposed = plainToInstance(ExposedUser, user, { excludeExtraneousValues: true });
  return instanceToPlain(exposed) as UserView;
}

/** The same for admins, in whose lists the number of tasks counts (S0-27). */
export function toManagedUserView(user: UserEntity): ManagedUserView {
  const exposed = plainToInstance(ExposedManagedUser, user, { excludeExtraneousValues: true });
  return instanceToPlain(exposed) as ManagedUserView;
}
