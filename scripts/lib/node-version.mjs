/** Written for old versions of Node too: it has to run there to refuse them. */
export function checkNodeVersion(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  process.stderr.write(`Steward needs Node 20.19 or newer; this is ${version}. See https://nodejs.org/\n`);
  process.exit(1);
}
