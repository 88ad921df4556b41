import Bowser from 'bowser';
import { z } from 'zod';

const MAX_TEXT = 100;
const word = z
  .string()
  .transform((text) => text.slice(0, MAX_TEXT).toWellFormed())
  .nullable();

/** What a User-Agent says about the program and the device it runs on. Anybody can write anything into it. */
export const deviceInfo = z.object({
  /** Or another program, such as curl. */
  browser: word,
  browserVersion: word,
  os: word,
  osVersion: word,
  /** desktop, mobile, tablet, tv, bot or program; null when nothing is known. */
  device: word,
});
export type DeviceInfo = z.output<typeof deviceInfo>;

const UNKNOWN: DeviceInfo = { browser: null, browserVersion: null, os: null, osVersion: null, device: null };
/** `curl/8.5.0`, the way programs call themselves (RFC 9110 §10.1.5). */
const PRODUCT = /^([A-Za-z][\w.-]*)\/([\w.+-]+)/;

export function deviceInfoOf(userAgent: string | null): DeviceInfo {
  if (userAgent === null || userAgent.trim() === '') return UNKNOWN;
  const { browser, os, platform } = Bowser.parse(userAgent);
  const [, product = null, productVersion = null] = PRODUCT.exec(userAgent) ?? [];
  const isBrowser = (browser.name ?? '') !== '';
  const name = isBrowser ? (browser.name ?? null) : product;
  return deviceInfo.parse({
    browser: name,
    browserVersion: (isBrowser ? browser.version : productVersion) ?? null,
    os: os.name ?? null,
    osVersion: os.versionName ?? os.version ?? null,
    device: platform.type ?? (name === null ? null : 'program'),
  });
}

/** As stored, by whichever version: what is missing or malformed is unknown. */
export function storedDeviceInfo(stored: unknown): DeviceInfo {
  const parsed = deviceInfo.partial().safeParse(stored);
  return parsed.success ? { ...UNKNOWN, ...parsed.data } : UNKNOWN;
}
