import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Server } from 'node:http';

/**
 * Closes the application without cutting requests off: those under way are answered, idle keep-alive connections
 * are closed as they fall idle (they would hold the server open for over a minute), and what is still open after
 * `limitMs` is cut.
 */
export async function drain(app: NestFastifyApplication, limitMs: number): Promise<void> {
  const server: Server = app.getHttpServer();
  const idle = setInterval(() => server.closeIdleConnections(), 100);
  const limit = setTimeout(() => server.closeAllConnections(), limitMs);
  try {
    await app.close();
  } finally {
    clearInterval(idle);
    clearTimeout(limit);
  }
}
