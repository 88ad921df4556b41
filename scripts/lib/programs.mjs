import { accessSync, constants, statSync } from 'node:fs';
import path from 'node:path';

/** Where a program is, given its name (searched on PATH) or its path; undefined where there is none. */
export function findProgram(nameOrPath) {
  const suffixes = process.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  const places = nameOrPath.includes(path.sep)
    ? [nameOrPath]
    : (process.env.PATH ?? '')
        .split(path.delimiter)
        .filter((directory) => directory !== '')
        .map((directory) => path.join(directory, nameOrPath));
  return places.flatMap((place) => suffixes.map((suffix) => place + suffix)).find(isProgram);
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
