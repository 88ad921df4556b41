import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DeclaredRoutes, type DeclaredRoute } from '../../src/kernel/auth/index.js';
import { BODIES, FORMS, RESOURCES, WRITABLE, World } from './access-matrix-world.js';
import {
  RouteMatrix,
  nameOf,
  outsidersOf,
  parametersOf,
  resourcesOf,
  type Call,
  type Outsiders,
} from './access-matrix.js';

// Started before the tests are collected: each route is a test of its own, and the application names the routes.
const world = await World.start();
afterAll(() => world.stop());

interface Operation {
  readonly security?: readonly object[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, object>> };
}
const { body: document } = await world.app.call<{ paths: Record<string, Record<string, Operation>> }>(
  'GET',
  '/openapi.json',
  { token: null },
);
const declared = world.app.get(DeclaredRoutes);
const routes = declared.all().map((route) => [describeRoute(route), route] as const);

let outsiders: Outsiders;
beforeAll(async () => {
  outsiders = await outsidersOf(world);
});

function describeRoute(route: DeclaredRoute): string {
  const { access } = route;
  if (access.kind === 'public') return `${nameOf(route)} (public)`;
  return `${nameOf(route)} (${[access.role, access.scope, ...Object.keys(access.demands)].join(', ')})`;
}

interface Problem {
  readonly status?: number;
  readonly code?: string;
  readonly requestId?: string;
}

/** What is wrong with the answer, or null. */
async function judge(method: string, { who, place, headers, body, expected }: Call): Promise<string | null> {
  const answer = await fetch(`${world.app.url}${place}`, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const type = answer.headers.get('content-type') ?? '';
  const isProblem = type.startsWith('application/problem+json');
  if (!isProblem) await answer.body?.cancel(); // an event stream would never end
  const problem = isProblem ? ((await answer.json()) as Problem) : {};
  const got = `${who}: got ${answer.status} ${problem.code ?? ''} at ${place}`;
  if (answer.status === 500) return `${got}, which is a bug`;
  if (answer.status >= 400 && answer.status < 500 && !isProblem)
    return `${got}, which is ${type} and no problem document`;
  if (isProblem && (problem.status !== answer.status || !problem.requestId))
    return `${got}, not a whole problem document`;
  if (expected.kind === 'refused')
    return answer.status === expected.status && problem.code === expected.code
      ? null
      : `${got}, not ${expected.status} ${expected.code}`;
  if (answer.status === 401 || answer.status === 403) return `${got}, but the declaration lets in`;
  if (expected.kind === 'served' && answer.status === 404) return `${got}, but it is the caller's own`;
  if (expected.kind === 'served' && answer.status === 400)
    return `${got}: the matrix could build no request. Give this route a line in BODIES of test/e2e/access-matrix-world.ts.`;
  return null;
}

describe('who may call (ASVS 8.1.1, 8.2.1, 8.2.2, 8.3.1, 9.2.2, 14.2.1)', () => {
  it.each(routes)('%s', async (_, route) => {
    const matrix = new RouteMatrix(world, route, (role) => declared.scopesFor(role), outsiders);
    const wrong: string[] = [];
    for (const call of await matrix.calls()) {
      const fault = await judge(route.method, call);
      if (fault !== null) wrong.push(fault);
    }
    expect(wrong).toEqual([]);
  });
});

/** What decides about rights and belongs to nobody's own doing. */
const PRIVILEGED = {
  id: '019a9f5e-0000-7000-8000-000000000001',
  userId: '019a9f5e-0000-7000-8000-000000000001',
  ownerId: '019a9f5e-0000-7000-8000-000000000001',
  isActive: true,
  isVerified: true,
  isSuperuser: true,
  role: 'admin',
};

describe('what people may not write (ASVS 8.2.3, 15.3.3)', () => {
  const open = routes.filter(
    ([, { method, path, access }]) =>
      /^(POST|PUT|PATCH)$/.test(method) &&
      document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()]?.requestBody?.content?.[
        'application/json'
      ] &&
      (access.kind === 'public' || access.role !== 'admin'),
  );

  it.each(open)('%s', async (_, route) => {
    const { token } = await world.person('user');
    const name = nameOf(route);
    const place = route.path.replaceAll(/:\w+/g, PRIVILEGED.id);
    const send = (body: object) =>
      world.app.call<{ code: string; errors: { pointer: string; code: string }[] }>(route.method, place, {
        token,
        body: { ...FORMS[name], ...body },
        headers: { 'if-match': '*' },
      });
    const { status, body } = await send(PRIVILEGED);
    expect([status, body.code]).toEqual([400, 'validation_failed']);
    const named = body.errors
      .filter(({ code }) => code === 'unknown_field')
      .map(({ pointer }) => pointer.slice(1));
    // Of several forms without a mark none is told apart, so nothing is named: then it was refused for these alone.
    const refused = named.length === 0 && (await send({})).status !== 400 ? Object.keys(PRIVILEGED) : named;
    const wanted = Object.keys(PRIVILEGED).filter((field) => !WRITABLE[name]?.includes(field));
    expect(refused).toEqual(expect.arrayContaining(wanted));
  });

  it('is most routes with a body', () => expect(open.length).toBeGreaterThan(10));
});

describe('the matrix', () => {
  it('has every route of the document, and no other', () => {
    const documented = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(
        ([method, { security }]) =>
          `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')} ${security ? 'role' : 'public'}`,
      ),
    );
    const known = declared.all().map((route) => `${nameOf(route)} ${route.access.kind}`);
    expect(known.toSorted()).toEqual(documented.toSorted());
    expect(known.length).toBeGreaterThan(50);
  });

  it('knows what every parameter names, and of no parameter or body that no route has', () => {
    const parameters = new Set(declared.all().flatMap(({ path }) => parametersOf(path)));
    expect(Object.keys(RESOURCES).toSorted()).toEqual([...parameters].toSorted());
    for (const table of [BODIES, FORMS, WRITABLE])
      expect(declared.all().map(nameOf)).toEqual(expect.arrayContaining(Object.keys(table)));
  });

  it('fails for a route with a parameter that it does not know, and says what to do', () => {
    const access = { kind: 'role', role: 'user', scope: 'jobs:read', demands: {} } as const;
    const route = { method: 'GET', path: '/api/jobs/:id/parts/:part', handler: 'New.route', access };
    expect(() => resourcesOf(route)).toThrow(
      /^GET \/api\/jobs\/:id\/parts\/:part: nothing says what \/api\/jobs\/:id\/parts\/:part names\. Give it a line/,
    );
  });
});
