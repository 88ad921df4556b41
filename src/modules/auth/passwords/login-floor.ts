import { Injectable } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { Settings } from '../../../kernel/config/index.js';

/**
 * The least time a refused login takes. An imported hash costs another time than one of ours, and a known account one
 * query more than an unknown one: whoever measured refusals would learn which accounts there are. The time a check
 * waits for its turn comes on top, because it is the same for all.
 */
@Injectable()
export class LoginFloor {
  private readonly leastMs: number;

  constructor(settings: Settings) {
    this.leastMs = settings.loginFloorMs;
  }

  /** Call when a login begins; await `reached` before refusing it. */
  begin(): { reached(waitedMs: number): Promise<void> } {
    const began = performance.now();
    return {
      reached: async (waitedMs) => {
        const spentMs = performance.now() - began - waitedMs;
        if (spentMs < this.leastMs) await pause(this.leastMs - spentMs);
      },
    };
  }
}
