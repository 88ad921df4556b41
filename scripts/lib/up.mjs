import { pathToFileURL } from 'node:url';
import { ensureBuild } from './build.mjs';
import { ensureDependencies } from './dependencies.mjs';
import { main } from './main.mjs';
import { inProject, root } from './project.mjs';
import { ensureRclone } from './rclone.mjs';

export async function prepareAndStart() {
  const ready = await main(async () => {
    process.chdir(root); // .env and ./data are looked for there
    await ensureDependencies();
    await Promise.all([ensureBuild(), ensureRclone()]);
  });
  if (!ready) return;
  const program = inProject('dist/src/main.js');
  process.argv[1] = program;
  // Outside of main(): its errors are the program's own.
  await import(pathToFileURL(program).href);
}
