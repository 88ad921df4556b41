import { USER_ROLES, type DeclaredRoute, type UserRole } from '../../src/kernel/auth/index.js';
import { BODIES, RESOURCES, type Person, type Resource, type World } from './access-matrix-world.js';

/** What has to come of a call. */
export type Expectation =
  /** Let in: whatever the route makes of the request, it is not for want of rights. */
  | { readonly kind: 'allowed' }
  /** Let in, and found: what the path names belongs to the caller. */
  | { readonly kind: 'served' }
  | { readonly kind: 'refused'; readonly status: 401 | 403 | 404; readonly code: string };

/** One caller of one route. */
export interface Call {
  readonly who: string;
  readonly place: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | undefined;
  readonly expected: Expectation;
}

type RoleAccess = Extract<DeclaredRoute['access'], { kind: 'role' }>;

const refused = (status: 401 | 403 | 404, code: string): Expectation => ({ kind: 'refused', status, code });
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const includes = (role: UserRole, needed: UserRole): boolean =>
  USER_ROLES.indexOf(role) >= USER_ROLES.indexOf(needed);

export const nameOf = ({ method, path }: DeclaredRoute): string => `${method} ${path}`;

/** `/api/a/:id` and `/api/a/:id/b/:other`, of the path `/api/a/:id/b/:other/c`. */
export const parametersOf = (path: string): string[] =>
  [...path.matchAll(/:\w+/g)].map(({ 0: name, index }) => path.slice(0, index + name.length));

/** Throws where the tables do not say what a parameter of the path names. */
export function resourcesOf(route: DeclaredRoute): Resource[] {
  return parametersOf(route.path).map((parameter) => {
    const resource = RESOURCES[parameter];
    if (!resource)
      throw new Error(
        `${nameOf(route)}: nothing says what ${parameter} names. Give it a line in RESOURCES of test/e2e/access-matrix-world.ts: how to make one, and who knows of it.`,
      );
    return resource;
  });
}

/** People whose calls are all refused, so that one of each is enough for all routes. */
export interface Outsiders {
  /** A token that is good, for where none may be. */
  readonly good: string;
  readonly expired: string;
  readonly revoked: string;
  readonly refresh: string;
  readonly revokedKey: string;
  readonly expiredKey: string;
}

export async function outsidersOf(world: World): Promise<Outsiders> {
  const [some, gone] = [await world.person('admin'), await world.person('admin')];
  const [revokedKey, expiredKey] = [
    await world.key(some, ['jobs:read']),
    await world.key(some, ['jobs:read']),
  ];
  await world.sql(`update api_keys set revoked_at = now(), revoked_reason = 'test' where id = $1`, [
    revokedKey.id,
  ]);
  await world.sql(`update api_keys set expires_at = now() where id = $1`, [expiredKey.id]);
  await world.sql(`update sessions set revoked_at = now(), revoked_reason = 'test' where id = $1`, [
    gone.actor.sessionId,
  ]);
  return {
    good: some.token,
    expired: world.expiredToken(some),
    revoked: gone.token,
    refresh: some.refreshToken,
    revokedKey: revokedKey.key,
    expiredKey: expiredKey.key,
  };
}

/**
 * Every caller of one route with what has to come of it. The expectations follow from the route's declaration and
 * from nothing else.
 */
export class RouteMatrix {
  private readonly resources: readonly Resource[];

  constructor(
    private readonly world: World,
    private readonly route: DeclaredRoute,
    private readonly scopesFor: (role: UserRole) => ReadonlySet<string>,
    private readonly outsiders: Outsiders,
  ) {
    this.resources = resourcesOf(route);
  }

  async calls(): Promise<Call[]> {
    const { access } = this.route;
    if (access.kind === 'public') return this.openCalls();
    const calls = [
      this.outside(),
      this.roles(access),
      this.keys(access),
      this.tickets(access),
      this.strangers(access),
    ];
    return (await Promise.all(calls)).flat();
  }

  /** Credentials count for nothing where none are asked for, not even bad ones. */
  private async openCalls(): Promise<Call[]> {
    const { expired, revoked, revokedKey } = this.outsiders;
    const { token } = await this.world.person('user');
    const allowed: Expectation = { kind: 'allowed' };
    return [
      await this.call('anonymous', {}, allowed),
      await this.call('a user', bearer(token), allowed),
      await this.call('an expired token', bearer(expired), allowed),
      await this.call('a revoked session', bearer(revoked), allowed),
      await this.call('a revoked key', bearer(revokedKey), allowed),
    ];
  }

  private async outside(): Promise<Call[]> {
    const { good, expired, revoked, refresh, revokedKey, expiredKey } = this.outsiders;
    const anonymous = await this.call('anonymous', {}, refused(401, 'token_missing'));
    return [
      anonymous,
      { ...anonymous, who: 'a token in the address', place: `${anonymous.place}?access_token=${good}` },
      await this.call(
        'a password in the header',
        { authorization: 'Basic YTpi' },
        refused(401, 'token_missing'),
      ),
      await this.call('an expired token', bearer(expired), refused(401, 'token_expired')),
      await this.call('a refresh token', bearer(refresh), refused(401, 'token_invalid')),
      await this.call('a revoked session', bearer(revoked), refused(401, 'session_ended')),
      await this.call('a revoked key', bearer(revokedKey), refused(401, 'key_ended')),
      await this.call('an expired key', bearer(expiredKey), refused(401, 'key_expired')),
    ];
  }

  /** Each role, with a fresh login; and the role that is asked for with an old one. */
  private async roles({ role, demands }: RoleAccess): Promise<Call[]> {
    const calls = USER_ROLES.map(async (one) => {
      const person = await this.world.person(one);
      const expected = includes(one, role) ? this.letIn : refused(403, 'role_required');
      return this.call(`role ${one}`, bearer(person.token), expected, person);
    });
    const late = await this.world.person(role);
    const call = await this.call(
      'a login of an hour ago',
      bearer(late.token),
      demands.recentLogin ? refused(403, 'reauth_required') : this.letIn,
      late,
    );
    await this.world.sql(`update sessions set authenticated_at = now() - interval '1 hour' where id = $1`, [
      late.actor.sessionId,
    ]);
    return [...(await Promise.all(calls)), call];
  }

  private async keys({ role, scope, demands }: RoleAccess): Promise<Call[]> {
    const all = [...this.scopesFor(role)];
    const [without, having, weak] = [
      await this.world.person(role),
      await this.world.person(role),
      await this.world.person(role),
    ];
    const forPeople = refused(403, 'session_required');
    const mayCall = demands.recentLogin ? refused(403, 'reauth_required') : this.letIn;
    const others = all.filter((one) => one !== scope);
    const calls = [
      await this.call(
        'a key without the scope',
        bearer((await this.world.key(without, others)).key),
        scope === 'session' ? forPeople : refused(403, 'scope_required'),
        without,
      ),
      await this.call(
        'a key with every scope',
        bearer((await this.world.key(having, all)).key),
        scope === 'session' ? forPeople : mayCall,
        having,
      ),
    ];
    if (role === 'user') return calls;
    const { key } = await this.world.key(weak, all);
    await this.world.sql(`update users set role = 'user' where id = $1`, [weak.actor.userId]);
    const demoted = 'a key whose owner was demoted';
    return [...calls, await this.call(demoted, bearer(key), refused(403, 'role_required'))];
  }

  private async tickets({ role, scope, demands }: RoleAccess): Promise<Call[]> {
    const person = await this.world.person(role);
    const withTicket = async (who: string, ticket: string, expected: Expectation): Promise<Call> => {
      const { place, ...call } = await this.call(who, {}, expected, person);
      return { ...call, place: `${place}?ticket=${ticket}` };
    };
    const ticket = await this.world.ticket(person.token);
    if (!demands.ticket || this.route.method !== 'GET')
      return [await withTicket('a ticket', ticket, refused(401, 'ticket_not_accepted'))];
    const blind = [...this.scopesFor(role)].filter((one) => one !== scope);
    const { key } = await this.world.key(person, blind);
    return [
      await withTicket('a ticket', ticket, this.letIn),
      await withTicket('the same ticket again', ticket, refused(401, 'ticket_invalid')),
      await withTicket(
        'a ticket of a key without the scope',
        await this.world.ticket(key),
        refused(403, 'scope_required'),
      ),
    ];
  }

  /** Somebody else with the same rights, in person and by a key: what they may not know of does not exist. */
  private async strangers({ role, scope, demands }: RoleAccess): Promise<Call[]> {
    if (this.resources.length === 0) return [];
    const unknown = refused(404, 'not_found');
    // One thing for all of them: what they ask for does nothing to it.
    const template = await this.call('', {}, unknown, await this.world.person(role));
    const by = (who: string, token: string): Call => ({
      ...template,
      who,
      headers: { ...template.headers, ...bearer(token) },
    });
    const calls: Call[] = [];
    for (const one of USER_ROLES.filter((other) => includes(other, role))) {
      if (one === 'admin' && this.resources.some(({ knownTo }) => knownTo === 'admins')) continue;
      const stranger = await this.world.person(one);
      calls.push(by(`another ${one}`, stranger.token));
      if (scope === 'session' || demands.recentLogin) continue;
      calls.push(by(`a key of another ${one}`, (await this.world.key(stranger, [scope])).key));
    }
    return calls;
  }

  /** Of a route that names something the caller's own one must be found, or a 404 for others would prove nothing. */
  private get letIn(): Expectation {
    return this.resources.length > 0 ? { kind: 'served' } : { kind: 'allowed' };
  }

  /** With things of `owner` in the path; with ids of nothing when nobody will look at them. */
  private async call(
    who: string,
    headers: Readonly<Record<string, string>>,
    expected: Expectation,
    owner?: Person,
  ): Promise<Call> {
    let place = this.route.path;
    for (const resource of this.resources) {
      const id =
        owner && isLookedFor(expected) ? await resource.make(this.world, owner) : crypto.randomUUID();
      place = place.replace(/:\w+/, id);
    }
    const hasBody = /^(POST|PUT|PATCH)$/.test(this.route.method);
    return {
      who,
      place,
      headers: { 'if-match': '*', ...headers, ...(hasBody ? { 'content-type': 'application/json' } : {}) },
      body: hasBody ? (BODIES[nameOf(this.route)] ?? {}) : undefined,
      expected,
    };
  }
}

const isLookedFor = (expected: Expectation): boolean =>
  expected.kind === 'served' || (expected.kind === 'refused' && expected.status === 404);
