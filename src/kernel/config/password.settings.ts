import { wholeNumber, type SettingDefinition } from './setting.js';

/** Least memory in KiB for each number of passes, as OWASP gives them for argon2id; more passes need no less. */
const LEAST_MEMORY_KIB: Readonly<Record<number, number>> = { 1: 47_104, 2: 19_456, 3: 12_288, 4: 9_216 };
const LEAST_MEMORY_KIB_BEYOND = 7_168;

/** How passwords are hashed. `npm run steward -- passwords calibrate` measures what suits a machine. */
export const PASSWORD_SETTINGS = {
  argon2MemoryKib: {
    env: 'STEWARD_ARGON2_MEMORY_KIB',
    help: 'Memory of one password hash in KiB. As many hashes as there are cores are at work at once. Raised: stored hashes follow when their people log in.',
    schema: wholeNumber(19_456, LEAST_MEMORY_KIB_BEYOND, 1_048_576),
    example: '19456',
  },
  argon2Passes: {
    env: 'STEWARD_ARGON2_PASSES',
    help: 'Passes of one password hash over its memory.',
    schema: wholeNumber(2, 1, 32),
    example: '2',
  },
  argon2Lanes: {
    env: 'STEWARD_ARGON2_LANES',
    help: 'Threads of one password hash.',
    schema: wholeNumber(1, 1, 16),
    example: '1',
  },
  loginFloorMs: {
    env: 'STEWARD_LOGIN_FLOOR_MS',
    help: 'A refused login takes at least this many milliseconds besides waiting for its turn, so that time tells neither which accounts exist nor which hash they have. Keep it above what the slowest imported hash takes.',
    schema: wholeNumber(300, 0, 10_000),
    example: '300',
  },
} as const satisfies Record<string, SettingDefinition>;

/** What is wrong with the parameters together, null when they reach the least OWASP asks for. */
export function argon2Problem(memoryKib: number, passes: number): string | null {
  const least = LEAST_MEMORY_KIB[passes] ?? LEAST_MEMORY_KIB_BEYOND;
  return memoryKib >= least
    ? null
    : `STEWARD_ARGON2_MEMORY_KIB must be at least ${least} with STEWARD_ARGON2_PASSES ${passes}`;
}
