/** Whether upper and lower case are one, as they are on some remotes. */
export interface Spelling {
  readonly ignoresCase: boolean;
}

/** What one name is compared by: NFC, and in lower case where the remote knows no difference. */
export function nameKey(name: string, { ignoresCase }: Spelling): string {
  const composed = name.normalize('NFC');
  if (!ignoresCase) return composed;
  // By the single character, because in a word some letters have another lower case at its end (the Greek sigma).
  return Array.from(composed, (character) => character.toLowerCase())
    .join('')
    .normalize('NFC');
}
