import { expect, it } from 'vitest';
import { coarseNetwork, deviceName } from './device-kind.js';

const WEBKIT = 'AppleWebKit/537.36 (KHTML, like Gecko)';

it.each([
  [`Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/142.0.0.0 Safari/537.36`, 'Chrome, Windows'],
  [
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${WEBKIT} Chrome/142.0 Safari/537.36 Edg/142.0`,
    'Microsoft Edge, Windows',
  ],
  ['Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 'Firefox, Linux'],
  [`Mozilla/5.0 (Linux; Android 15; Pixel 9) ${WEBKIT} Chrome/142.0 Mobile Safari/537.36`, 'Chrome, Android'],
  [
    'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile Safari/604.1',
    'Safari, iOS',
  ],
  [
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15',
    'Safari, macOS',
  ],
  ['curl/8.5.0', 'curl'],
  ['node', null],
  ['', null],
  ['<script>', null],
  [null, null],
])('%j is %j', (agent, name) => {
  expect(deviceName(agent)).toBe(name);
});

it('takes no notice of versions', () => {
  expect(deviceName('Firefox/1.0 (Windows)')).toBe(deviceName('Firefox/99.1 (Windows)'));
});

it.each([
  ['192.0.2.7', '192.0'],
  ['::ffff:192.0.2.7', '192.0'],
  ['2001:DB8:1::7', '2001.db8'],
  ['::1', '.'],
  [null, null],
])('%s is in the network %s', (address, network) => {
  expect(coarseNetwork(address)).toBe(network);
});
