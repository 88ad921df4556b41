import { describe, expect, it } from 'vitest';
import { loadSettings } from '../../../kernel/config/index.js';
import { LoginFloor } from './login-floor.js';

const floor = (ms: number): LoginFloor =>
  new LoginFloor(loadSettings({ NODE_ENV: 'test', STEWARD_LOGIN_FLOOR_MS: String(ms) }));

describe('LoginFloor', () => {
  it('is the setting while everything is quicker', () => {
    const one = floor(300);
    for (const spent of [1, 250, 20, 299]) expect(one.floorAfter(spent, 1_000)).toBe(300);
  });

  it('follows the slowest of late, and comes down again', () => {
    const one = floor(300);
    expect(one.floorAfter(800, 1_000)).toBe(800);
    expect(one.floorAfter(20, 1_000)).toBe(800);
    expect(one.floorAfter(20, 31_000)).toBe(400);
    expect(one.floorAfter(20, 61_000)).toBe(300);
  });

  it('holds nobody longer than four times the setting, and with none nobody at all', () => {
    expect(floor(300).floorAfter(60_000, 1_000)).toBe(1_200);
    expect(floor(0).floorAfter(60_000, 1_000)).toBe(0);
  });

  it('does not count the wait for a turn', async () => {
    const one = floor(40);
    const began = performance.now();
    await one.begin().reached(1_000);
    expect(performance.now() - began).toBeGreaterThan(38);
  });
});
