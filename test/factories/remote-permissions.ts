import path from 'node:path';
import type { Actor } from '../../src/kernel/auth/index.js';
import type { PathRule, Right } from '../../src/modules/remotes/permissions/path-rules.js';
import type {
  Explanation,
  PermissionView,
} from '../../src/modules/remotes/permissions/remote-permissions.schema.js';
import type { Answer, CallOptions, TestApp } from '../harness/app.js';
import { withClient } from '../harness/database.js';

export interface PermissionBody extends PermissionView, Explanation {
  readonly id: string;
  readonly code: string;
  readonly detail: string;
  readonly errors: { pointer: string; code: string }[];
  readonly items: PermissionView[];
  readonly nextCursor: string | null;
  readonly root: string | null;
}
export type Person = Awaited<ReturnType<TestApp['user']>>;

export const allowing = (place: string, ...allow: PathRule['allow']): PathRule => ({
  path: place,
  allow,
  deny: [],
});
export const denying = (place: string, ...deny: PathRule['deny']): PathRule => ({
  path: place,
  allow: [],
  deny,
});
export const match = (tag: string | null): { headers: Record<string, string> } => ({
  headers: { 'if-match': tag ?? '' },
});
export const actorOf = ({ id: userId }: Person): Actor => ({
  type: 'user',
  userId,
  role: 'user',
  sessionId: 's',
});

/** Remotes and permissions on them, over the API of an application. */
export class PermissionsDesk {
  private made = 0;

  constructor(private readonly app: TestApp) {}

  call(method: string, place: string, options?: CallOptions): Promise<Answer<PermissionBody>> {
    return this.app.call<PermissionBody>(method, `/api/remotes${place}`, options);
  }

  /** A remote of `owner`, the admin unless told; only admins may make local ones over the API. */
  async remote(owner?: Person): Promise<string> {
    const name = `permissions ${(this.made += 1)}`;
    const root = path.join(this.app.settings.localRoots[0] ?? '', name);
    const { status, body } = await this.call('POST', '', { body: { type: 'local', name, root } });
    if (status !== 201) throw new Error(`no remote: ${status} ${body.detail}`);
    if (owner)
      await withClient(this.app.settings.databaseUrl ?? '', (client) =>
        client.query('update remotes set owner_id = $2 where id = $1', [body.id, owner.id]),
      );
    return body.id;
  }

  put(
    id: string,
    { id: userId }: Pick<Person, 'id'>,
    permissions: Right[],
    pathRules: PathRule[] = [],
    options: CallOptions = match('*'),
  ): Promise<Answer<PermissionBody>> {
    return this.call('PUT', `/${id}/permissions/${userId}`, { body: { permissions, pathRules }, ...options });
  }
}
