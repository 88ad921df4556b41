import { totalmem } from 'node:os';
import { argon2id } from './password-hasher.js';
import type { Argon2Parameters } from './stored-hash.js';

/** What checking one password may take: long enough for an attacker, short enough for a login. */
export const TARGET_MS = { least: 50, most: 150 } as const;

/** Memory first, because it is what costs an attacker most; two passes, as OWASP's first choice has. */
const MEMORY_KIB = [19_456, 32_768, 47_104, 65_536, 98_304, 131_072, 262_144] as const;
const PASSES = 2;
const MORE_PASSES = [3, 4, 6, 8] as const;
const SAMPLES = 5;

/** All cores at once may take this part of the machine's memory for hashing. */
const MEMORY_SHARE = 1 / 8;

export interface Measured extends Argon2Parameters {
  readonly ms: number;
}

export interface Calibration {
  readonly measured: readonly Measured[];
  readonly recommended: Measured;
  /** False when no parameters of this machine lie in the target: it is very fast, very slow or short of memory. */
  readonly inTarget: boolean;
}

export interface Machine {
  /** Milliseconds of one hash. */
  measure(parameters: Argon2Parameters): Promise<number>;
  readonly cores: number;
  readonly memoryBytes: number;
}

/**
 * Measures argon2id on this machine and recommends the strongest parameters within the target, with the memory of all
 * cores together within an eighth of the machine's. Where not even the least OWASP asks for is quick enough, that.
 */
export async function calibrate(machine: Machine): Promise<Calibration> {
  const affordable = (memoryKib: number): boolean =>
    memoryKib * 1024 * machine.cores <= machine.memoryBytes * MEMORY_SHARE;
  const memories = MEMORY_KIB.filter((memoryKib, i) => i === 0 || affordable(memoryKib));
  const measured: Measured[] = [];
  const measure = async (memoryKib: number, passes: number): Promise<boolean> => {
    const parameters = { memoryKib, passes, lanes: 1 };
    const ms = await machine.measure(parameters);
    measured.push({ ...parameters, ms });
    return ms <= TARGET_MS.most;
  };
  let fits = true;
  for (const memoryKib of memories) if (fits) fits = await measure(memoryKib, PASSES);
  const largest = memories.at(-1)!;
  for (const passes of MORE_PASSES) if (fits) fits = await measure(largest, passes);
  const recommended = measured.findLast(({ ms }) => ms <= TARGET_MS.most) ?? measured[0]!;
  const inTarget = recommended.ms >= TARGET_MS.least && recommended.ms <= TARGET_MS.most;
  return { measured, recommended, inTarget };
}

/** The machine this process runs on, with as many hashes at work as there are cores, as under a storm of logins. */
export function thisMachine(cores: number): Machine {
  const once = async (parameters: Argon2Parameters): Promise<number> => {
    const began = performance.now();
    await Promise.all(Array.from({ length: cores }, () => argon2id('a password to measure', parameters)));
    return performance.now() - began;
  };
  return {
    cores,
    memoryBytes: totalmem(),
    measure: async (parameters) => {
      await once(parameters); // the first one also asks the system for the memory
      const samples: number[] = [];
      for (let i = 0; i < SAMPLES; i++) samples.push(await once(parameters));
      return samples.toSorted((a, b) => a - b)[Math.floor(SAMPLES / 2)]!;
    },
  };
}
