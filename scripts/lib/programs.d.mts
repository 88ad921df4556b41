export function findProgram(nameOrPath: string): string | undefined;
