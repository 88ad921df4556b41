import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instant } from '../../../../test/factories/timing-rule.js';
import { parseTiming, type TimingError, type TimingInput } from './index.js';

const valid: TimingInput = {
  type: 'cron',
  cronExpression: '0 9 * * MON-FRI',
  timezone: 'Europe/Berlin',
  jitterSeed: 'seed',
  anchorAt: 0,
};

function errorsOf(input: Partial<TimingInput>, now?: number): readonly TimingError[] {
  const parsed = parseTiming({ ...valid, ...input }, now);
  return parsed.ok ? [] : parsed.errors;
}

describe('parseTiming', () => {
  it('fills in the defaults of the contract and tidies the expression', () => {
    expect(parseTiming({ ...valid, cronExpression: '  0 9  * * *\n', timezone: 'europe/berlin' })).toEqual({
      ok: true,
      rule: {
        type: 'cron',
        cronExpression: '0 9 * * *',
        intervalSeconds: null,
        runAt: null,
        timezone: 'Europe/Berlin',
        dst: { gap: 'run_after', overlap: 'first' },
        jitterSeconds: 0,
        jitterSeed: 'seed',
        anchorAt: 0,
        startsAt: null,
        endsAt: null,
        exclusions: null,
      },
    });
  });

  it.each<[Partial<TimingInput>, string, TimingError['code']]>([
    [{ type: 'weekly' }, 'type', 'invalid_value'],
    [{ cronExpression: null }, 'cronExpression', 'required'],
    [{ cronExpression: '  ' }, 'cronExpression', 'required'],
    [{ cronExpression: 'not a cron' }, 'cronExpression', 'invalid_cron'],
    [{ cronExpression: '0 0 31 2 *' }, 'cronExpression', 'impossible_cron'],
    [{ cronExpression: '*'.repeat(65_536) }, 'cronExpression', 'invalid_cron'],
    [{ intervalSeconds: 60 }, 'intervalSeconds', 'not_applicable'],
    [{ runAt: 5 }, 'runAt', 'not_applicable'],
    [{ timezone: 'Mars/Olympus' }, 'timezone', 'unknown_timezone'],
    [{ timezone: '+05:30' }, 'timezone', 'unknown_timezone'],
    [{ timezone: '' }, 'timezone', 'unknown_timezone'],
    [{ dst: { gap: 'never' } }, 'dst.gap', 'invalid_value'],
    [{ dst: { overlap: 'never' } }, 'dst.overlap', 'invalid_value'],
    [{ jitterSeconds: -1 }, 'jitterSeconds', 'out_of_range'],
    [{ jitterSeconds: 86_401 }, 'jitterSeconds', 'out_of_range'],
    [{ startsAt: NaN }, 'startsAt', 'out_of_range'],
    [{ endsAt: 1e18 }, 'endsAt', 'out_of_range'],
    [{ anchorAt: 0.5 }, 'anchorAt', 'out_of_range'],
    [{ startsAt: 2_000, endsAt: 1_000 }, 'endsAt', 'end_before_start'],
    [{ startsAt: 1_000, endsAt: 2_000 }, 'cronExpression', 'never_runs'],
  ])('refuses %o', (input, field, code) => {
    expect(errorsOf(input)).toEqual([expect.objectContaining({ field, code })]);
  });

  it.each<[Partial<TimingInput>, string, TimingError['code']]>([
    [{ type: 'interval' }, 'intervalSeconds', 'required'],
    [{ type: 'interval', intervalSeconds: 0 }, 'intervalSeconds', 'out_of_range'],
    [{ type: 'interval', intervalSeconds: -5 }, 'intervalSeconds', 'out_of_range'],
    [{ type: 'interval', intervalSeconds: 1.5 }, 'intervalSeconds', 'out_of_range'],
    [{ type: 'interval', intervalSeconds: 2 ** 31 }, 'intervalSeconds', 'out_of_range'],
    [{ type: 'once' }, 'runAt', 'required'],
    [{ type: 'once', runAt: 500, startsAt: 1_000 }, 'runAt', 'never_runs'],
  ])('refuses %o', (input, field, code) => {
    expect(errorsOf({ cronExpression: null, ...input })).toEqual([expect.objectContaining({ field, code })]);
  });

  it('refuses what lies in the past only when told the time', () => {
    const now = instant('2026-01-01T00:00:00Z');
    const once = { type: 'once', cronExpression: null, runAt: now };
    expect(errorsOf(once, now)).toEqual([expect.objectContaining({ field: 'runAt', code: 'in_the_past' })]);
    expect(errorsOf(once)).toEqual([]);
    expect(errorsOf({ endsAt: now }, now)).toEqual([
      expect.objectContaining({ field: 'endsAt', code: 'in_the_past' }),
    ]);
    // The first of the next weekdays comes after the end.
    expect(errorsOf({ cronExpression: '0 0 1 6 *', endsAt: now + 1_000 }, now)).toEqual([
      expect.objectContaining({ code: 'never_runs' }),
    ]);
  });

  it('reports all problems at once', () => {
    const fields = errorsOf({ cronExpression: '61 * * * *', timezone: 'Mars', jitterSeconds: 0.5 });
    expect(fields.map(({ field }) => field)).toEqual(['timezone', 'jitterSeconds', 'cronExpression']);
  });

  it('names the field that is wrong', () => {
    expect(errorsOf({ cronExpression: '0 25 * * *' })[0]!.message).toBe('"25" is not a valid hour (0-23)');
    expect(errorsOf({ cronExpression: '0 0 25 * * *' })[0]!.message).toBe('"25" is not a valid hour (0-23)');
    expect(errorsOf({ cronExpression: '* * *' })[0]!.message).toContain('it has 3');
  });

  it.each<[string, string | undefined]>([
    ['60 * * * *', '0 * * * *'],
    ['0 24 * * *', '0 0 * * *'],
    ['0 0 31 2 *', '0 0 L 2 *'],
    ['0 0 31 4,6 *', '0 0 L 4,6 *'],
    ['0 0 32 * *', '0 0 31 * *'],
    ['0 0 * 13 *', '0 0 * 12 *'],
    ['5/15 * * * *', '5-59/15 * * * *'],
    ['/5 * * * *', '*/5 * * * *'],
    ['0 22-2 * * *', '0 22-23,0-2 * * *'],
    ['0 9 * * FRI-MON', '0 9 * * FRI-SAT,SUN-MON'],
    ['0 9 * * MONDAY', '0 9 * * MON'],
    ['0 9 * JANAURY MNO', '0 9 * JAN MON'],
    ['61 0 9 * * MON', '59 0 9 * * MON'],
    ['1,,2 * * * *', '1,2 * * * *'],
    ['0 0 1 *', '0 0 1 * *'],
    ['0 0 12 ? * MON 2026', '0 0 12 ? * MON'],
    ['@dayly', '@daily'],
    ['@reboot', undefined],
    ['not a cron', undefined],
    ['a b c d e', undefined],
    ['0 0 * * 1#6', undefined],
  ])('for %s suggests %s', (expression, suggestion) => {
    expect(errorsOf({ cronExpression: expression })[0]!.suggestion).toBe(suggestion);
  });

  it.each<[string, string | undefined]>([
    ['Tehran', 'Asia/Tehran'],
    ['America/New York', 'America/New_York'],
    ['Europe/Berln', 'Europe/Berlin'],
    ['', undefined],
    ['x'.repeat(65_536), undefined],
  ])('for zone %s suggests %s', (timezone, suggestion) => {
    expect(errorsOf({ timezone })[0]!.suggestion).toBe(suggestion);
  });

  it('keeps an alias as it was given', () => {
    const parsed = parseTiming({ ...valid, timezone: 'Asia/Kolkata' });
    expect(parsed).toMatchObject({ rule: { timezone: 'Asia/Kolkata' } });
  });

  it('never throws, always names a field, and suggests only what is valid', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 120 }),
      fc.stringMatching(/^[0-9*,/\-LW#@? A-Fa-z+]{0,40}$/),
      fc
        .array(fc.stringMatching(/^[0-9*,/\-LW#?]{1,6}$/), { minLength: 4, maxLength: 7 })
        .map((all) => all.join(' ')),
    );
    const value = fc.option(fc.oneof(fc.double(), fc.integer()));
    const input = fc.record<TimingInput>({
      type: fc.constantFrom('cron', 'interval', 'once', '__proto__'),
      cronExpression: fc.option(hostile),
      intervalSeconds: value,
      runAt: value,
      timezone: fc.oneof(hostile, fc.constant('UTC')),
      jitterSeconds: value,
      jitterSeed: fc.string(),
      anchorAt: fc.oneof(fc.double(), fc.constant(0)),
      startsAt: value,
      endsAt: value,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          input,
          hostile.map((text) => ({ ...valid, cronExpression: text })),
        ),
        (tried) => {
          const parsed = parseTiming(tried);
          if (parsed.ok) return;
          expect(parsed.errors.length).toBeGreaterThan(0);
          for (const { field, suggestion } of parsed.errors) {
            expect(field).not.toBe('');
            if (suggestion === undefined) continue;
            expect(errorsOf({ [field]: suggestion })).toEqual([]);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
