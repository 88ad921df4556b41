import type { INestApplicationContext } from '@nestjs/common';
import type { Settings } from '../src/kernel/config/index.js';

export interface DemoReport {
  readonly demo: boolean;
  readonly demoUser: { readonly email: string; readonly password: string } | null;
}

export async function seedDemo(_app: INestApplicationContext, _settings: Settings): Promise<DemoReport> {
  return { demo: false, demoUser: null };
}
