import type { FastifyHelmetOptions } from '@fastify/helmet';

const HSTS_SECONDS = 31_536_000;

/**
 * For every answer (ASVS 3.4.1 to 3.4.6). The policy allows what the page of the documentation needs, and that from
 * here only; its styles stand in the page. Requests are not turned into https by it, because a machine without TLS in
 * front would serve no page then.
 */
export const HELMET: FastifyHelmetOptions = {
  strictTransportSecurity: { maxAge: HSTS_SECONDS, includeSubDomains: true },
  frameguard: { action: 'deny' },
  referrerPolicy: { policy: 'no-referrer' },
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
      imgSrc: ["'self'", 'data:'],
      objectSrc: ["'none'"],
      scriptSrcAttr: ["'none'"],
      styleSrc: ["'self'", "'unsafe-inline'"],
    },
  },
};

/** For the view of the queues, whose page names the place its own addresses begin with. Otherwise the same. */
export const BOARD_POLICY =
  "default-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'; img-src 'self' data:; object-src 'none'; script-src-attr 'none'; style-src 'self' 'unsafe-inline'";

/** For answers that are written before any plugin has seen the request: they show nothing and load nothing. */
export const BARE_HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
  'Strict-Transport-Security': `max-age=${HSTS_SECONDS}; includeSubDomains`,
  'X-Content-Type-Options': 'nosniff',
} as const;
