import { describe, expect, it } from 'vitest';
import { refuseRepeatedHeaders } from './header-guard.js';

const told: string[] = [];
const refuse = (rawHeaders: readonly string[]) =>
  refuseRepeatedHeaders(rawHeaders, (field) => told.push(field));
const headers = (...names: string[]) => names.flatMap((name) => [name, 'value']);

describe('header fields', () => {
  it.each([
    ['Authorization', 'authorization'],
    ['Content-Type', 'CONTENT-TYPE'],
    ['If-Match', 'if-match'],
    ['Idempotency-Key', 'Idempotency-Key'],
    ['Host', 'host'],
  ])('of one value are refused when there are two: %s and %s', (one, other) =>
    expect(() => refuse(headers('Accept', one, 'User-Agent', other))).toThrow(
      expect.objectContaining({ status: 400, code: 'header_duplicated' }),
    ),
  );

  it('of several values may be repeated', () => {
    expect(() => refuse(headers('Accept', 'accept', 'X-Forwarded-For', 'x-forwarded-for'))).not.toThrow();
    expect(() => refuse(headers('Host', 'Authorization', 'If-Match', 'Content-Type'))).not.toThrow();
    expect(() => refuse([])).not.toThrow();
  });

  it('that are refused are told about', () =>
    expect(new Set(told)).toEqual(
      new Set(['authorization', 'content-type', 'if-match', 'idempotency-key', 'host']),
    ));

  it('are judged by their names, not by values that look like names', () =>
    expect(() => refuse(['x', 'host', 'y', 'host', 'host', 'host'])).not.toThrow());
});
