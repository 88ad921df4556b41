import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApp } from '../harness/app.js';

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly parameters: readonly { name: string; in: string; required: boolean; schema: Json }[];
  readonly requestBody?: { content: Record<string, { schema: Json }> };
  readonly responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
  readonly security?: readonly Json[];
}
interface Document {
  readonly openapi: string;
  readonly info: { title: string; version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { schemas: Record<string, Json>; securitySchemes: Record<string, Json> };
}

/** What clients hold on to, of what there is so far. `public` routes need no token. */
const CONTRACT = `
  post   /api/auth/register            public
  post   /api/auth/login               public
  post   /api/auth/refresh             public
  post   /api/auth/logout
  post   /api/auth/logout-all
  get    /api/auth/sessions
  delete /api/auth/sessions/{id}
  post   /api/auth/reauthenticate
  get    /api/auth/factors
  post   /api/auth/factors/totp
  post   /api/auth/factors/totp/confirm
  delete /api/auth/factors/totp
  post   /api/auth/factors/recovery-codes
  delete /api/auth/users/{userId}/factors
  post   /api/auth/password/forgot     public
  post   /api/auth/password/reset      public
  post   /api/auth/email/verify        public
  post   /api/auth/email/resend        public
  post   /api/auth/email/change
  post   /api/auth/email/undo          public
  get    /api/auth/api-keys
  post   /api/auth/api-keys
  delete /api/auth/api-keys/{id}
  post   /api/auth/tickets
  post   /api/auth/password/change
  get    /api/auth/users/{userId}/sessions
  delete /api/auth/users/{userId}/sessions
  delete /api/auth/users/{userId}/sessions/{id}
  get    /api/users/me
  patch  /api/users/me
  get    /api/users/me/preferences
  patch  /api/users/me/preferences
  delete /api/users/me
  get    /api/users/me/export
  get    /api/users
  post   /api/users
  get    /api/users/{id}
  patch  /api/users/{id}
  delete /api/users/{id}
  get    /api/job-types
  get    /api/jobs
  post   /api/jobs
  get    /api/jobs/stats
  post   /api/jobs/bulk
  post   /api/jobs/bulk-actions
  get    /api/jobs/status
  get    /api/jobs/{id}
  get    /api/jobs/{id}/logs
  get    /api/jobs/{id}/explain
  patch  /api/jobs/{id}/transfer
  get    /api/jobs/{id}/events
  post   /api/jobs/{id}/cancel
  post   /api/jobs/{id}/retry
  get    /api/queues
  post   /api/queues/{name}/pause
  post   /api/queues/{name}/resume
  get    /api/workers
  get    /api/events
  get    /api/audit-logs
  get    /api/users/me/audit-logs
  get    /api/remote-types
  get    /api/remotes
  post   /api/remotes
  get    /api/remotes/{id}
  patch  /api/remotes/{id}
  delete /api/remotes/{id}
  post   /api/remotes/{id}/check
  get    /api/remotes/{id}/usage
  get    /api/remotes/{id}/files
  get    /api/remotes/{id}/backups
  delete /api/remotes/{id}/files
  get    /api/remotes/{id}/files/stat
  post   /api/remotes/{id}/files/folders
  post   /api/remotes/{id}/files/rename
  get    /api/remotes/{id}/files/content
  put    /api/remotes/{id}/files/content
  get    /api/remotes/{id}/permissions
  get    /api/remotes/{id}/permissions/explain
  get    /api/remotes/{id}/permissions/{userId}
  put    /api/remotes/{id}/permissions/{userId}
  delete /api/remotes/{id}/permissions/{userId}
  get    /api/schedules
  post   /api/schedules
  get    /api/schedules/{id}
  patch  /api/schedules/{id}
  delete /api/schedules/{id}
  post   /api/schedules/preview
  get    /api/schedules/{id}/preview
  get    /api/schedules/{id}/slots
  post   /api/schedules/{id}/run
  post   /api/schedules/{id}/pause
  post   /api/schedules/{id}/resume
  get    /api/notifications
  get    /api/notifications/unread-count
  patch  /api/notifications/{id}
  delete /api/notifications/{id}
  post   /api/notifications/mark-read
  get    /api/health                   public
  get    /api/health/live              public
  get    /api/health/ready             public
  get    /metrics
`
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));

const VIEWS = [
  'User',
  'ManagedUser',
  'Preferences',
  'Tokens',
  'Session',
  'Factors',
  'TotpEnrolment',
  'RecoveryCodes',
  'ApiKey',
  'CreatedApiKey',
  'Ticket',
  'Job',
  'JobLog',
  'JobType',
  'JobStatus',
  'JobStatusList',
  'JobStats',
  'JobExplanation',
  'BulkJobs',
  'JobActionAnswer',
  'BulkJobProblem',
  'Queue',
  'Worker',
  'Remote',
  'File',
  'RemotePermission',
  'RemotePermissionExplanation',
  'RemoteType',
  'Schedule',
  'Slot',
  'Notification',
  'AuditEntry',
  'Problem',
];

let app: TestApp;
let document: Document;
beforeAll(async () => {
  app = await TestApp.start();
  document = (await app.call<Document>('GET', '/openapi.json', { token: null })).body;
});
afterAll(() => app.stop());

const operations = (): [string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]): [string, Operation] => [`${method} ${path}`, operation]),
  );

/** Every object within `value`, itself included. */
function within(value: unknown): Json[] {
  if (value === null || typeof value !== 'object') return [];
  const inner = Object.values(value).flatMap(within);
  return Array.isArray(value) ? inner : [value as Json, ...inner];
}

describe('/openapi.json', () => {
  it('is an OpenAPI 3.1 document whose references all lead somewhere', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info.title).toBe('Steward');
    const references = within(document).flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []));
    expect(references.length).toBeGreaterThan(50);
    for (const reference of new Set(references)) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1] ?? reference;
      expect(Object.keys(document.components.schemas)).toContain(name);
      expect(document.components.schemas[name]).toHaveProperty('type');
    }
  });

  it.each(CONTRACT)('has %s %s %s', (method = '', path = '', access = 'guarded') => {
    const operation = document.paths[path]?.[method];
    expect(operation).toBeDefined();
    expect(operation?.security ?? []).toEqual(access === 'public' ? [] : [{ bearer: [] }]);
  });

  it('says of every guarded operation which role and which scope it asks for, and of no other', () => {
    const told = operations().map(([name, operation]) => {
      const { 'x-required-role': role, 'x-required-scope': scope } = operation as unknown as Json;
      const demand = `${String(role)} ${String(scope)}`;
      return { name, demand, guarded: operation.security !== undefined };
    });
    const right = /^(user|power_user|admin) (session|[a-z-]+:(read|write))$/;
    const wrong = told.filter(({ demand, guarded }) =>
      guarded ? !right.test(demand) : demand !== 'undefined undefined',
    );
    expect(wrong).toEqual([]);
  });

  it('gives each operation an id of its own, a summary and an answer', () => {
    const ids = operations().map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(['authLogin', 'jobsCreate', 'jobStreamFollow']));
    const silent = operations().filter(
      ([, { summary, responses }]) =>
        !summary || !Object.keys(responses).some((status) => status.startsWith('2')),
    );
    expect(silent.map(([name]) => name)).toEqual([]);
  });

  it('declares every parameter of a path', () => {
    for (const [name, { parameters }] of operations()) {
      const wanted = [...name.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      const declared = parameters.filter((one) => one.in === 'path' && one.required).map((one) => one.name);
      expect([name, declared]).toEqual([name, wanted]);
    }
  });

  it('says of every operation that errors are problem documents, and of guarded ones 401 and 403', () => {
    const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
    for (const [, { responses, security }] of operations()) {
      expect(responses['default']?.content).toEqual(problem);
      for (const status of security ? ['401', '403'] : [])
        expect(responses[status]?.content).toEqual(problem);
    }
    const { required } = document.components.schemas['Problem'] as { required: string[] };
    expect(required).toEqual([
      'type',
      'title',
      'status',
      'detail',
      'instance',
      'code',
      'requestId',
      'errors',
    ]);
  });

  it('has a schema for every body that goes in or out', () => {
    for (const [name, { requestBody, responses }] of operations()) {
      const answers = Object.entries(responses).filter(([status]) => status !== '204');
      const bodies = [...(requestBody ? [requestBody] : []), ...answers.map(([, answer]) => answer)];
      for (const { content = {} } of bodies) {
        const schemas = Object.values(content).map(({ schema }) => Object.keys(schema));
        expect([name, schemas.length, schemas.every((keys) => keys.length > 0)]).toEqual([name, 1, true]);
      }
    }
  });

  it('names the main views once and refers to them', () => {
    expect(Object.keys(document.components.schemas)).toEqual(expect.arrayContaining(VIEWS));
    const answer = document.paths['/api/jobs/{id}']?.['get']?.responses['200'];
    expect(answer?.content?.['application/json']?.schema).toEqual({ $ref: '#/components/schemas/Job' });
  });

  it('says that streams are event streams', () => {
    for (const path of ['/api/events', '/api/jobs/{id}/events'])
      expect(Object.keys(document.paths[path]?.['get']?.responses['200']?.content ?? {})).toEqual([
        'text/event-stream',
      ]);
  });

  it('says which operations take a ticket in the query', () => {
    const taking = operations().filter(([, { parameters }]) =>
      parameters.some(({ name }) => name === 'ticket'),
    );
    expect(taking.map(([name]) => name).toSorted()).toEqual([
      'get /api/events',
      'get /api/jobs/{id}/events',
      'get /api/remotes/{id}/files/content',
    ]);
    for (const [, { parameters }] of taking)
      expect(parameters.find(({ name }) => name === 'ticket')).toMatchObject({
        in: 'query',
        required: false,
      });
  });

  it('does not repeat what a format says, nor the range of safe integers', () => {
    const noisy = within(document).filter(
      ({ format, pattern, minimum, maximum }) =>
        (typeof format === 'string' && pattern !== undefined) ||
        minimum === Number.MIN_SAFE_INTEGER ||
        maximum === Number.MAX_SAFE_INTEGER,
    );
    expect(noisy).toEqual([]);
  });
});

async function text(place: string): Promise<string> {
  const answer = await fetch(new URL(place, app.url));
  expect([place, answer.status]).toEqual([place, 200]);
  return answer.text();
}

describe('/docs', () => {
  it('loads everything from here, as its own security header demands', async () => {
    const page = await text('/docs');
    const links = [...page.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(3);
    const places = links.map((link) => new URL(link, `${app.url}/docs`));
    for (const { origin, pathname } of places)
      expect([origin, await text(pathname)]).toEqual([app.url, expect.any(String)]);
    for (const { pathname } of places.filter((place) => place.pathname.endsWith('.css')))
      expect(await text(pathname)).not.toMatch(/url\(\s*["']?(https?:)?\/\/|@import/);
    // Scripts that stand in the page are not run under script-src 'self'.
    expect(page).not.toMatch(/<script(?![^>]*\ssrc=)[^>]*>\s*\S/);
    expect(page).not.toMatch(/\son\w+="/);
  });

  it('asks no validator on the internet about the document', async () => {
    const script = await text('/docs/swagger-ui-init.js');
    expect(script).toContain('"validatorUrl": null');
    expect(script.match(/https?:\/\/(?!opensource\.org)[^"'\s]+/g) ?? []).toEqual([]);
  });
});
