import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/**
 * Where a request comes from: the address of the connection, or what the trusted proxies say in X-Forwarded-For
 * (the platform has walked it). Some proxies write the port along. Where they say no address at all it is the
 * proxy's own, because this is stored and counted as an address. Null on a connection that has ended.
 */
export function clientAddress({ ip, socket }: Pick<FastifyRequest, 'ip' | 'socket'>): string | null {
  return addressIn(ip) ?? addressIn(socket.remoteAddress ?? '');
}

/** An IPv6 zone (fe80::1%eth0) names an interface of this machine and is no part of the address. */
function addressIn(text: string): string | null {
  const bare = text.split('%')[0] ?? '';
  if (isIP(bare) !== 0) return bare;
  const withoutPort = /^\[([^\]]+)\](?::\d+)?$|^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text);
  const address = withoutPort?.[1] ?? withoutPort?.[2] ?? '';
  return isIP(address) === 0 ? null : address;
}
