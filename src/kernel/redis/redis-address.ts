/** `host:port` of a Redis URL: what messages may show, because a URL can hold a password. */
export function redisAddress(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname === '' ? 'localhost' : hostname}:${port === '' ? '6379' : port}`;
}
