import { Injectable } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { Settings } from '../../../kernel/config/index.js';

/** How soon the slowest refusal seen counts half as much. */
const HALF_LIFE_MS = 30_000;
/** One stalled refusal holds no other longer than this many times the setting. */
const MOST = 4;

/**
 * The least time a refused login takes. An imported hash costs another time than one of ours, and a known account one
 * query more than an unknown one: whoever measured refusals would learn which accounts there are. The time a check
 * waits for its turn comes on top, because it is the same for all.
 *
 * On a busy machine the work itself may take longer than the setting; then all wait as long as the slowest of late.
 */
@Injectable()
export class LoginFloor {
  private readonly leastMs: number;
  private slowest = { ms: 0, at: 0 };

  constructor(settings: Settings) {
    this.leastMs = settings.loginFloorMs;
  }

  /** Call when a login begins; await `reached` before refusing it. */
  begin(): { reached(waitedMs: number): Promise<void> } {
    const began = performance.now();
    return {
      reached: async (waitedMs) => {
        const now = performance.now();
        const spentMs = now - began - waitedMs;
        const floorMs = this.floorAfter(spentMs, now);
        if (spentMs < floorMs) await pause(floorMs - spentMs);
      },
    };
  }

  /** What a refusal at `now`, whose work took `spentMs`, has to reach; takes note of it. */
  floorAfter(spentMs: number, now: number): number {
    const remembered = this.slowest.ms * 0.5 ** ((now - this.slowest.at) / HALF_LIFE_MS);
    const slowest = Math.min(Math.max(remembered, spentMs), this.leastMs * MOST);
    this.slowest = { ms: slowest, at: now };
    return Math.max(this.leastMs, slowest);
  }
}
