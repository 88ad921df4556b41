/** `host:port` of a Redis URL: what messages may show, because a URL can hold a password. */
export function redisAddress(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname === '' ? 'localhost' : hostname}:${port === '' ? '6379' : port}`;
}

/** Number of the database a Redis URL selects. */
export function redisDatabase(url: string): number {
  const { pathname, searchParams } = new URL(url);
  const number = Number(pathname.slice(1) || (searchParams.get('db') ?? ''));
  return Number.isInteger(number) ? number : 0;
}
