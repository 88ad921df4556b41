/** npm run build: compiles src, migrations, seeds and bench into dist/, and marks it as current for npm run up. */
import { buildAnew } from './lib/build.mjs';
import { main } from './lib/main.mjs';

await main(buildAnew);
