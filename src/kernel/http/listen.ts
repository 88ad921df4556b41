import type { NestFastifyApplication } from '@nestjs/platform-fastify';

/** The wanted port is taken; the message names it. */
export class PortTakenError extends Error {}

const DEFAULT_PORT = 3000;
const TRIES = 50;

/**
 * Listens and answers the base URL. A port that was asked for must be free; without a wish the first free one
 * from 3000 on is taken, so that a newcomer with something else on 3000 still sees Steward start.
 */
export async function listen(
  app: NestFastifyApplication,
  host: string,
  wanted: number | undefined,
): Promise<string> {
  const first = wanted ?? DEFAULT_PORT;
  const tries = wanted === undefined ? TRIES : 1;
  for (let port = first; port < first + tries; port++) {
    try {
      await app.listen({ port, host });
      return baseUrl(app, host);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EACCES')
        throw new PortTakenError(
          `Port ${port} on ${host} may not be used by this user (EACCES). Set PORT to one above 1023.`,
        );
      if (code === 'EADDRNOTAVAIL')
        throw new PortTakenError(`HOST ${host} is not an address of this machine.`);
      if (code !== 'EADDRINUSE') throw error;
    }
  }
  throw new PortTakenError(
    wanted === undefined
      ? `No free port between ${first} and ${first + TRIES - 1} on ${host}. Set PORT.`
      : `Port ${wanted} on ${host} is in use. Stop what listens there, set PORT to another one, or leave PORT out to take a free one.`,
  );
}

function baseUrl(app: NestFastifyApplication, host: string): string {
  const address = (app.getHttpServer() as { address(): { port: number } | string | null }).address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host;
  return `http://${name}:${port}`;
}
