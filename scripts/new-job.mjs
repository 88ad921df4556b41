/** npm run new:job -- --module tasks --name export-report: a job type in one file, its test, and its line in the module. */
import { parseArgs } from 'node:util';
import { main } from './lib/main.mjs';
import { newJob } from './lib/new-job.mjs';
import { ScriptError, root, say } from './lib/project.mjs';

await main(async () => {
  const { module, name } = options();
  const made = await newJob(root, module, name);
  for (const file of made.files) say(`wrote ${file}`);
  if (made.line === null) say(`added ${made.className} to the providers of ${made.moduleFile}`);
  else say(`${made.moduleFile} is written in a way that this does not understand; add to it:\n${made.line}`);
  say(`\nNow write what it does, and see that it stands:\n  npm test -- ${made.testFile}`);
});

function options() {
  try {
    const { values } = parseArgs({ options: { module: { type: 'string' }, name: { type: 'string' } } });
    return values;
  } catch (error) {
    throw new ScriptError(
      `${error.message}\nUse it like this: npm run new:job -- --module tasks --name export-report`,
    );
  }
}
