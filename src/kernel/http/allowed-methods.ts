import type { FastifyInstance, RouteOptions } from 'fastify';

/**
 * OPTIONS for every route: 204 with `Allow` (RFC 9110 §9.3.7). Without it OPTIONS of a route that exists is a 404.
 * To be called before any route is added.
 */
export function answerOptions(fastify: FastifyInstance): void {
  const methods = new Map<string, Set<string>>();
  fastify.addHook('onRoute', ({ url, method }: RouteOptions) => {
    const added = [method].flat().map((one) => one.toUpperCase());
    if (added.includes('OPTIONS')) return;
    const present = methods.get(url);
    if (present) return added.forEach((one) => void present.add(one));
    const known = new Set(added);
    methods.set(url, known);
    fastify.route({
      method: 'OPTIONS',
      url,
      handler: (_request, reply) =>
        reply
          .status(204)
          .header('Allow', [...known, 'OPTIONS'].join(', '))
          .send(),
    });
  });
}
