import type { Command } from 'commander';
import { availableParallelism } from 'node:os';
import type { Say } from './say.js';

export function addPasswords(program: Command, say: Say): void {
  const command = program.command('passwords').description('help with how passwords are hashed');

  command
    .command('calibrate')
    .description('measure password hashing on this machine and print the settings that suit it')
    .action(async () => {
      // Loads the application: commands that do not need it start at once.
      const { TARGET_MS, calibrate, thisMachine } = await import('../modules/users/index.js');
      const cores = availableParallelism();
      say(`Hashing with argon2id on ${cores} core(s) at once; the target is ${range(TARGET_MS)} ms a hash.`);
      const { measured, recommended, inTarget } = await calibrate(thisMachine(cores));
      for (const { memoryKib, passes, ms } of measured)
        say(`  ${String(memoryKib).padStart(7)} KiB, ${passes} passes: ${ms.toFixed(1)} ms`);
      if (!inTarget)
        say(
          `Nothing measured lies within the target; this is the nearest that is safe (${recommended.ms.toFixed(1)} ms).`,
        );
      say('');
      say(`STEWARD_ARGON2_MEMORY_KIB=${recommended.memoryKib}`);
      say(`STEWARD_ARGON2_PASSES=${recommended.passes}`);
      say(`STEWARD_ARGON2_LANES=${recommended.lanes}`);
      say(`STEWARD_LOGIN_FLOOR_MS=${floorFor(recommended.ms)}`);
    });
}

const range = ({ least, most }: { least: number; most: number }): string => `${least} to ${most}`;

/** Twice the work of a login, and no less than the default, which is above bcrypt's usual cost. */
const floorFor = (ms: number): number => Math.max(300, Math.ceil((ms * 2) / 50) * 50);
