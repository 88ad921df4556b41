import { describe, expect, it } from 'vitest';
import { calibrate, thisMachine } from './calibrate.js';
import type { Argon2Parameters } from './stored-hash.js';

const GIB = 1024 ** 3;
/** A machine that hashes so many KiB a millisecond. */
const machine = (kibPerMs: number, memoryBytes = 64 * GIB, cores = 4) => ({
  cores,
  memoryBytes,
  measure: ({ memoryKib, passes }: Argon2Parameters) => Promise.resolve((memoryKib * passes) / kibPerMs),
});

describe('calibrate', () => {
  it('recommends the most memory that stays within the target', async () => {
    const { recommended, inTarget } = await calibrate(machine(1_000));
    expect(recommended).toEqual({ memoryKib: 65_536, passes: 2, lanes: 1, ms: 131.072 });
    expect(inTarget).toBe(true);
  });

  it('adds passes where memory alone is too quick', async () => {
    const { recommended } = await calibrate(machine(12_000));
    expect(recommended).toMatchObject({ memoryKib: 262_144, passes: 6 });
  });

  it('leaves the machine its memory', async () => {
    const { recommended, inTarget } = await calibrate(machine(12_000, GIB, 4));
    expect(recommended).toMatchObject({ memoryKib: 32_768, passes: 8 });
    expect(inTarget).toBe(false);
  });

  it('never goes below what OWASP asks for, and says that it is too slow', async () => {
    const { recommended, inTarget, measured } = await calibrate(machine(100, GIB / 8));
    expect(recommended).toMatchObject({ memoryKib: 19_456, passes: 2 });
    expect(inTarget).toBe(false);
    expect(measured).toHaveLength(1);
  });
});

it('measures real hashes', async () => {
  expect(await thisMachine(1).measure({ memoryKib: 8, passes: 1, lanes: 1 })).toBeGreaterThan(0);
});
