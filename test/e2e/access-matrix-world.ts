import { randomUUID } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import type pg from 'pg';
import type { SessionActor, UserRole } from '../../src/kernel/auth/index.js';
import { Database } from '../../src/kernel/database/index.js';
import { AccessTokens } from '../../src/modules/auth/sessions/access-tokens.js';
import { SessionsService } from '../../src/modules/auth/sessions/sessions.service.js';
import { StandingSessions } from '../../src/modules/auth/sessions/standing-sessions.js';
import { UsersService } from '../../src/modules/users/index.js';
import { ProbeModule } from '../fixtures/probe-job.js';
import { TestApp } from '../harness/app.js';
import { openPool } from '../harness/database.js';

export interface Person {
  readonly actor: SessionActor;
  readonly token: string;
  readonly refreshToken: string;
}

/** The application, and people and things in it, made without logging in: hashing passwords would take minutes. */
export class World {
  private constructor(
    readonly app: TestApp,
    private readonly pool: pg.Pool,
  ) {}

  static async start(): Promise<World> {
    const app = await TestApp.start({ modules: [ProbeModule] });
    return new World(app, openPool(app.settings.databaseUrl ?? ''));
  }

  async stop(): Promise<void> {
    await this.pool.end();
    await this.app.stop();
  }

  async sql(text: string, values: unknown[] = []): Promise<void> {
    await this.pool.query(text, values);
    this.app.get(StandingSessions).forgetAll();
  }

  /** Somebody new of this role, who has just logged in. */
  async person(role: UserRole): Promise<Person> {
    const opened = await this.app
      .get(Database)
      .system('test')
      .tx(async (tx) => {
        const { id } = await this.app.get(UsersService).create(tx, null, {
          email: `${randomUUID()}@matrix.test`,
          passwordHash: null,
          role,
          isVerified: true,
        });
        return this.app.get(SessionsService).start(tx, id);
      });
    const { userId, sessionId, refreshToken } = opened;
    const { accessToken } = await this.app.get(AccessTokens).issue(userId, sessionId);
    return { actor: { type: 'user', userId, role, sessionId }, token: accessToken, refreshToken };
  }

  /** A token of the person that was good until an hour ago. */
  expiredToken({ actor }: Person): string {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      sub: actor.userId,
      sid: actor.sessionId,
      jti: randomUUID(),
      iat: now - 7200,
      exp: now - 3600,
    };
    return this.app.get(JwtService).sign(claims);
  }

  async key(owner: Person, scopes: readonly string[]): Promise<{ id: string; key: string }> {
    return this.made(owner, '/api/auth/api-keys', { name: 'matrix', scopes });
  }

  async ticket(token: string): Promise<string> {
    const { status, body } = await this.app.call<{ ticket: string }>('POST', '/api/auth/tickets', { token });
    if (status !== 201) throw new Error(`no ticket: ${status} ${JSON.stringify(body)}`);
    return body.ticket;
  }

  /** The id of what a POST of the person has made. */
  async made<T extends { id: string }>(owner: Person, place: string, body: object): Promise<T> {
    const answer = await this.app.call<T>('POST', place, { token: owner.token, body });
    if (answer.status < 200 || answer.status > 299)
      throw new Error(`POST ${place}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body;
  }
}

/** What a parameter of a path names. */
export interface Resource {
  /** Makes one that belongs to this person; what stands in the path for it. */
  make(world: World, owner: Person): Promise<string>;
  /** Who knows of it beside its owner: 404 for everybody else. */
  readonly knownTo: 'nobody' | 'admins';
}

const LATER = '2099-01-01T00:00:00Z';
const jobTemplate = { type: 'probe', payload: { label: 'matrix' } };

/** Every parameter that a path of the application has, by the path up to it. */
export const RESOURCES: Readonly<Record<string, Resource>> = {
  '/api/auth/sessions/:id': {
    make: async ({ app }, { actor }) =>
      app
        .get(Database)
        .system('test')
        .tx(async (tx) => (await app.get(SessionsService).start(tx, actor.userId)).sessionId),
    knownTo: 'nobody',
  },
  '/api/auth/api-keys/:id': {
    make: async (world, owner) => (await world.key(owner, ['profile:read'])).id,
    knownTo: 'nobody',
  },
  // Of the admin's own account, so that what is named behind it can be made, too.
  '/api/auth/users/:userId': {
    make: async (_, { actor }) => actor.userId,
    knownTo: 'admins',
  },
  '/api/auth/users/:userId/sessions/:id': {
    make: async ({ app }, { actor }) =>
      app
        .get(Database)
        .system('test')
        .tx(async (tx) => (await app.get(SessionsService).start(tx, actor.userId)).sessionId),
    knownTo: 'admins',
  },
  '/api/users/:id': {
    make: async (world) => (await world.person('user')).actor.userId,
    knownTo: 'admins',
  },
  '/api/jobs/:id': {
    make: async (world, owner) =>
      (await world.made(owner, '/api/jobs', { ...jobTemplate, scheduledFor: LATER })).id,
    knownTo: 'admins',
  },
  // Of nobody; only admins get as far as its name.
  '/api/queues/:name': {
    make: async () => 'files',
    knownTo: 'admins',
  },
  '/api/remotes/:id': {
    // Over the API only admins make local remotes, and only for themselves.
    make: async (world, { actor }) => {
      const id = randomUUID();
      await world.sql(
        `insert into remotes (id, owner_id, name, name_key, type, root) values ($1::uuid, $2, $1::text, $1::text, 'local', $3)`,
        [id, actor.userId, world.app.settings.localRoots[0]],
      );
      return id;
    },
    knownTo: 'admins',
  },
  // Somebody with a permission on the remotes of this person, which are made first.
  '/api/remotes/:id/permissions/:userId': {
    make: async (world, { actor }) => {
      const { userId } = (await world.person('user')).actor;
      await world.sql(
        `insert into remote_permissions (id, user_id, remote_id, permissions)
         select gen_random_uuid(), $1, id, '{read}' from remotes where owner_id = $2`,
        [userId, actor.userId],
      );
      return userId;
    },
    knownTo: 'admins',
  },
  '/api/schedules/:id': {
    make: async (world, owner) => {
      const rule = { name: 'matrix', ruleType: 'cron', cronExpression: '0 2 1 1 *', jobTemplate };
      return (await world.made(owner, '/api/schedules', rule)).id;
    },
    knownTo: 'admins',
  },
  '/api/calendars/:id': {
    make: async (world, owner) => (await world.made(owner, '/api/calendars', { name: randomUUID() })).id,
    knownTo: 'admins',
  },
  '/api/notifications/:id': {
    make: async (world, { actor }) => {
      const id = randomUUID();
      await world.sql(
        `insert into notifications (id, user_id, type, title, message) values ($1, $2, 'test', 'Matrix', 'One.')`,
        [id, actor.userId],
      );
      return id;
    },
    knownTo: 'nobody',
  },
};

/** Bodies that a route with a parameter takes; without a line here it is sent an empty object. */
export const BODIES: Readonly<Record<string, object>> = {
  'PATCH /api/notifications/:id': { isRead: true },
  'POST /api/queues/:name/pause': { note: 'matrix' },
  'PATCH /api/jobs/:id/transfer': { bandwidthLimit: null },
  'POST /api/schedules/:id/backfill': { from: '2026-01-01T00:00:00Z', to: '2026-01-02T00:00:00Z' },
  'POST /api/remotes/:id/files/folders': { path: '/matrix' },
  'POST /api/remotes/:id/files/rename': { from: '/', to: '/matrix' },
  'PUT /api/remotes/:id/permissions/:userId': { permissions: ['read'] },
};

/** For bodies of several forms: enough of one to tell which it is. */
export const FORMS: Readonly<Record<string, object>> = {
  'POST /api/remotes': { type: 'local' },
  'POST /api/notifications/mark-read': { upTo: randomUUID() },
};

/** Fields with the name of a privileged one that are a route's own matter. */
export const WRITABLE: Readonly<Record<string, readonly string[]>> = {
  'POST /api/schedules': ['isActive'],
  'PATCH /api/schedules/:id': ['isActive'],
  'PUT /api/remotes/:id/permissions/:userId': ['isActive'],
};
