import { parseTiming, type TimingInput, type TimingRule } from '../../src/modules/schedules/core/index.js';

/** A valid rule for tests; anchored at the epoch in UTC unless said. Throws when the input is not valid. */
export function timingRule(input: Partial<TimingInput>): TimingRule {
  const parsed = parseTiming({ type: 'cron', timezone: 'UTC', jitterSeed: 'seed', anchorAt: 0, ...input });
  if (!parsed.ok) throw new Error(`not a valid rule: ${JSON.stringify(parsed.errors)}`);
  return parsed.rule;
}

export function cronRule(cronExpression: string, input: Partial<TimingInput> = {}): TimingRule {
  return timingRule({ cronExpression, ...input });
}

export function instant(text: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new Error(`not an instant: ${text}`);
  return at;
}
