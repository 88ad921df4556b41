/**
 * What a file is called when it is saved (RFC 6266, RFC 5987): the plain name for old clients with everything but
 * simple letters replaced, and the whole one in UTF-8.
 */
export function attachment(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^\w .()+,=@~-]/gu, '_');
  const whole = encodeURIComponent(name.toWellFormed()).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${whole}`;
}

/**
 * Types of files that do nothing when a browser shows them after all. Whatever could bring scripts (HTML, SVG, XML,
 * PDF) stays `application/octet-stream`.
 */
const TYPES: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  csv: 'text/csv; charset=utf-8',
  flac: 'audio/flac',
  gif: 'image/gif',
  gz: 'application/gzip',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  log: 'text/plain; charset=utf-8',
  md: 'text/plain; charset=utf-8',
  mkv: 'video/x-matroska',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  ogg: 'audio/ogg',
  png: 'image/png',
  tar: 'application/x-tar',
  txt: 'text/plain; charset=utf-8',
  wav: 'audio/wav',
  webm: 'video/webm',
  webp: 'image/webp',
  zip: 'application/zip',
};

export function mediaTypeOf(name: string): string {
  const [, ending = ''] = /\.([a-z0-9]{1,5})$/i.exec(name) ?? [];
  return TYPES[ending.toLowerCase()] ?? 'application/octet-stream';
}
