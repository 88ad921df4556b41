import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceInfoOf, storedDeviceInfo } from './device-info.js';

const WEBKIT = 'AppleWebKit/605.1.15 (KHTML, like Gecko)';

describe('deviceInfoOf', () => {
  it.each([
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
      ['Chrome', '131.0.0.0', 'Windows', '10', 'desktop'],
    ],
    [
      `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${WEBKIT} Version/17.5 Mobile/15E148 Safari/604.1`,
      ['Safari', '17.5', 'iOS', '17.5', 'mobile'],
    ],
    [
      `Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) ${WEBKIT} Version/16.0 Mobile/15E148 Safari/604.1`,
      ['Safari', '16.0', 'iOS', '16.0', 'tablet'],
    ],
    [
      'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
      ['Firefox', '133.0', 'Linux', null, 'desktop'],
    ],
    ['Googlebot/2.1 (+http://www.google.com/bot.html)', ['Googlebot', '2.1', null, null, 'bot']],
    ['curl/8.5.0', ['curl', '8.5.0', null, null, 'program']],
    ['PostmanRuntime/7.43.0', ['PostmanRuntime', '7.43.0', null, null, 'program']],
    ['node', [null, null, null, null, null]],
    ['<script>alert(1)</script>', [null, null, null, null, null]],
    ['مرورگر 브라우저 เบราว์เซอร์ браузер 🦊', [null, null, null, null, null]],
    ['', [null, null, null, null, null]],
    ['   ', [null, null, null, null, null]],
    [null, [null, null, null, null, null]],
  ])('%s', (userAgent, [browser, browserVersion, os, osVersion, device]) =>
    expect(deviceInfoOf(userAgent)).toEqual({ browser, browserVersion, os, osVersion, device }),
  );

  it('takes any text, in bounds', () => {
    const lengths = (text: string): number[] =>
      Object.values(deviceInfoOf(text)).map((value) => value?.length ?? 0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 512 }), (text) => Math.max(...lengths(text)) <= 100),
    );
    expect(lengths(`${'x'.repeat(300)}/${'1'.repeat(200)}`)).toEqual([100, 100, 0, 0, 7]);
  });

  it('takes a text made to be slow without effort', () => {
    const before = process.cpuUsage();
    for (const text of ['(', ';', ' ', '1.', 'x/1 ', 'Version/1.', 'Android ', 'Mozilla/5.0 ('])
      for (let i = 0; i < 20; i++) deviceInfoOf(text.repeat(512 / text.length));
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000);
  });
});

describe('storedDeviceInfo', () => {
  it('knows nothing about what an older version or somebody else stored', () => {
    const unknown = deviceInfoOf(null);
    for (const stored of [{}, null, 'text', { browser: 7 }, []])
      expect(storedDeviceInfo(stored)).toEqual(unknown);
    expect(storedDeviceInfo({ browser: 'Chrome', other: 1 })).toEqual({ ...unknown, browser: 'Chrome' });
  });
});
