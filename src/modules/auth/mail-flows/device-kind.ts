import { deviceInfoOf } from '../sessions/device-info.js';

/**
 * What people call the program they use, such as `Firefox, Windows`, without versions: an update is no other device.
 * Null when nothing is known.
 */
export function deviceName(userAgent: string | null): string | null {
  const { browser, os } = deviceInfoOf(userAgent);
  const parts = [browser, os].filter((part) => part !== null);
  return parts.length === 0 ? null : parts.join(', ');
}

/**
 * The network an address is in, so coarsely that a provider that gives out another address every day stays one:
 * the first two parts of an IPv4 address, the first two groups of an IPv6 one.
 */
export function coarseNetwork(address: string | null): string | null {
  if (address === null) return null;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
  const parts = mapped.split(mapped.includes(':') ? ':' : '.');
  return parts
    .slice(0, 2)
    .map((part) => part.toLowerCase())
    .join('.');
}
