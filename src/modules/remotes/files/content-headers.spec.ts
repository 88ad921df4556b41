import { validateHeaderValue } from 'node:http';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attachment, mediaTypeOf } from './content-headers.js';

describe('attachment', () => {
  it.each([
    ['report.txt', `attachment; filename="report.txt"; filename*=UTF-8''report.txt`],
    ['한글.txt', `attachment; filename="______.txt"; filename*=UTF-8''%ED%95%9C%EA%B8%80.txt`],
    ['é.txt', `attachment; filename="e.txt"; filename*=UTF-8''%C3%A9.txt`],
    [`a"b\\c;d'e.txt`, `attachment; filename="a_b_c_d_e.txt"; filename*=UTF-8''a%22b%5Cc%3Bd%27e.txt`],
    [
      'a\r\nSet-Cookie: b',
      `attachment; filename="a__Set-Cookie_ b"; filename*=UTF-8''a%0D%0ASet-Cookie%3A%20b`,
    ],
    ['100%.txt', `attachment; filename="100_.txt"; filename*=UTF-8''100%25.txt`],
    ['(1)*!.txt', `attachment; filename="(1)__.txt"; filename*=UTF-8''%281%29%2A%21.txt`],
  ])('of %j', (name, header) => expect(attachment(name)).toBe(header));

  it('is a header whatever the name is, and tells the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), (name) => {
        const header = attachment(name);
        expect(() => validateHeaderValue('content-disposition', header)).not.toThrow();
        expect(header).toMatch(/^attachment; filename="[^"\\]*"; filename\*=UTF-8''[\w.~%-]+$/);
        expect(decodeURIComponent(header.replace(/^.*''/, ''))).toBe(name.toWellFormed());
      }),
    );
  });

  it('takes half a character for an unknown one', () =>
    expect(attachment('a\ud800')).toContain(`UTF-8''a%EF%BF%BD`));
});

it.each([
  ['a.PNG', 'image/png'],
  ['a.tar.gz', 'application/gzip'],
  ['notes.md', 'text/plain; charset=utf-8'],
  ['a.html', 'application/octet-stream'],
  ['a.svg', 'application/octet-stream'],
  ['a.xml', 'application/octet-stream'],
  ['a.png.html', 'application/octet-stream'],
  ['png', 'application/octet-stream'],
  ['a.constructor', 'application/octet-stream'],
  ['', 'application/octet-stream'],
])('the type of %j is %s', (name, type) => expect(mediaTypeOf(name)).toBe(type));
