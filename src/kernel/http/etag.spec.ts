import { describe, expect, it } from 'vitest';
import { requireVersion, versionOf } from './etag.js';

describe('If-Match', () => {
  it('names the version that was read', () => {
    expect(versionOf('"7"')).toBe(7);
    expect(versionOf(' "12" ')).toBe(12);
    expect(versionOf('*')).toBeNull();
  });

  it('is required', () => {
    expect(() => versionOf(undefined)).toThrow(
      expect.objectContaining({ status: 428, code: 'precondition_required' }),
    );
  });

  it.each(['', '7', '"x"', 'W/"7"', '"1", "2"', '"99999999999"'])('refuses %j', (header) => {
    expect(() => versionOf(header)).toThrow(
      expect.objectContaining({ status: 400, code: 'if_match_malformed' }),
    );
  });
});

describe('requireVersion', () => {
  it('lets the present version and any version pass', () => {
    expect(() => requireVersion('schedule', 3, 3)).not.toThrow();
    expect(() => requireVersion('schedule', null, 3)).not.toThrow();
  });

  it('refuses an older one', () => {
    expect(() => requireVersion('schedule', 2, 3)).toThrow(
      expect.objectContaining({ status: 412, code: 'precondition_failed' }),
    );
  });
});
