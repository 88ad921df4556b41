/** Names that files have and programs stumble over. */
export const HARD_NAMES: readonly string[] = [
  'plain.txt',
  'br[1]ack{e}ts.txt',
  '-dash',
  '--config=x',
  ' leading and trailing ',
  'new\nline.txt',
  '한글/환영합니다.txt',
  'NFD re\u0301sume\u0301.txt'.normalize('NFD'),
  'NFC résumé'.normalize('NFC'),
  'متن/سلام.txt',
  'ข้อความ.txt',
  'Привет.txt',
  '🗂️/👩‍👩‍👧.txt',
  'per%20cent + plus # hash ; semicolon.txt',
  "quote ' and `tick`.txt",
  '$(touch canary)',
  'star*and?.txt',
  'ampersand & <less> "quoted".txt',
  'colon: r1:x',
];

/**
 * Those that rclone can write there: over WebDAV and HTTP it takes a name with a colon, at the top, for the beginning
 * of an address, so that such a file fails and is named.
 */
export const namesFor = (type: string): readonly string[] =>
  HARD_NAMES.filter((name) => !['webdav', 'http'].includes(type) || !name.includes(':'));
