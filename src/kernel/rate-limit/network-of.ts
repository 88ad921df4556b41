import { isIP } from 'node:net';

/**
 * What counts as one client: an IPv4 address, or the /64 of an IPv6 address, because one customer has all 2^64
 * addresses of it and could otherwise begin anew with each request. IPv4 written as IPv6 is IPv4. What is no address
 * counts as one and the same.
 */
export function networkOf(address: string | null): string {
  const kind = isIP(address ?? '');
  if (address === null || kind === 0) return 'unknown';
  if (kind === 4) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  // URL writes every form of an address in one and the same way.
  const [head = '', tail] = new URL(`http://[${address.split('%')[0]}]`).hostname.slice(1, -1).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const [before, after] = [groups(head), groups(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const all = tail === undefined ? before : [...before, ...zeros, ...after];
  const isMapped = all.slice(0, 5).every((group) => group === '0') && all[5] === 'ffff';
  return isMapped ? dotted(all[6] ?? '0', all[7] ?? '0') : `${all.slice(0, 4).join(':')}::/64`;
}

function dotted(high: string, low: string): string {
  const [upper, lower] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [upper >> 8, upper & 255, lower >> 8, lower & 255].join('.');
}
