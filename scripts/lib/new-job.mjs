import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';
import { ScriptError } from './project.mjs';

/** What the registry accepts, and reads well as a file's name. */
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const LONGEST_NAME = 50;

/**
 * Writes a job type into a module of the project under `root`: its file, its test, and its provider line. Refuses with
 * a `ScriptError` before anything is written. `line` is what has to be added by hand where the module's file is not
 * understood, otherwise null.
 */
export async function newJob(root, module, name) {
  const folder = `src/modules/${module}`;
  checkModule(root, module);
  checkName(root, name);
  const words = wordsOf(name);
  const file = `${folder}/${name}.job.ts`;
  const testFile = `${folder}/${name}.medium.ts`;
  const moduleFile = `${folder}/${module}.module.ts`;
  for (const one of [file, testFile])
    if (existsSync(path.join(root, one))) throw new ScriptError(`${one} is there already.`);
  if (!existsSync(path.join(root, moduleFile))) throw new ScriptError(`${moduleFile} is missing.`);
  const before = readFileSync(path.join(root, moduleFile), 'utf8');
  const after = withProvider(before, words.className, `./${name}.job.js`);

  await write(root, file, jobText(name, words));
  await write(root, testFile, testText(name));
  if (after !== null) await write(root, moduleFile, after);
  return {
    className: words.className,
    files: [file, testFile],
    testFile,
    moduleFile,
    line:
      after === null
        ? `  import { ${words.className} } from './${name}.job.js';\n  providers: [ …, ${words.className} ]`
        : null,
  };
}

function checkModule(root, module) {
  if (module === undefined || module === '') throw new ScriptError('--module is missing, such as tasks.');
  const modules = readdirSync(path.join(root, 'src/modules'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  const able = modules.filter((one) => mayImportJobs(root, one));
  if (!modules.includes(module))
    throw new ScriptError(`There is no module "${module}". Job types can be in: ${able.join(', ')}.`);
  if (!able.includes(module))
    throw new ScriptError(
      `${module} may not import jobs (test/architecture/rules.ts says who may import whom). Job types can be in: ${able.join(', ')}.`,
    );
}

/** By the table of imports that the architecture test enforces. */
function mayImportJobs(root, module) {
  const rules = readFileSync(path.join(root, 'test/architecture/rules.ts'), 'utf8');
  const table = rules.slice(rules.indexOf('MAY_IMPORT'));
  const [, imports = ''] = new RegExp(`^\\s+'?${module}'?: \\[([^\\]]*)\\]`, 'm').exec(table) ?? [];
  return imports.includes("'jobs'");
}

function checkName(root, name) {
  if (name === undefined || name === '') throw new ScriptError('--name is missing, such as export-report.');
  if (!NAME.test(name) || name.length > LONGEST_NAME)
    throw new ScriptError(
      `"${name}" is no name for a job type: a verb, or verb-noun, in small letters and digits with hyphens between, at most ${LONGEST_NAME} characters, such as export-report.`,
    );
  const owner = jobFiles(root).find((file) =>
    new RegExp(`\\bname: '${name}'`).test(readFileSync(file, 'utf8')),
  );
  if (owner !== undefined)
    throw new ScriptError(`There is a job type "${name}" already, in ${path.relative(root, owner)}.`);
}

function jobFiles(root) {
  const modules = path.join(root, 'src/modules');
  return readdirSync(modules, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.job.ts'))
    .map((file) => path.join(modules, file));
}

/** A single word may be a word of the language, such as delete: it gets an ending. */
function wordsOf(name) {
  const parts = name.split('-');
  const capital = (part) => part[0].toUpperCase() + part.slice(1);
  const joined = parts.map(capital).join('');
  const camel = joined[0].toLowerCase() + joined.slice(1);
  return {
    className: `${joined}Job`,
    constant: parts.length === 1 ? `${camel}Type` : camel,
    sentence: `${capital(parts.join(' '))}.`,
  };
}

/** The module's text with the import and the provider in it, or null where `@Module` has no list of providers. */
function withProvider(text, className, file) {
  const source = ts.createSourceFile('module.ts', text, ts.ScriptTarget.Latest, true);
  const list = providersOf(source);
  const lastImport = source.statements.findLast(ts.isImportDeclaration);
  if (list === undefined || lastImport === undefined) return null;
  const lastProvider = list.elements.at(-1);
  const [at, provider] = lastProvider
    ? [lastProvider.end, `, ${className}`]
    : [list.getStart(source) + 1, className];
  const provided = text.slice(0, at) + provider + text.slice(at);
  const { end } = lastImport;
  return `${provided.slice(0, end)}\nimport { ${className} } from '${file}';${provided.slice(end)}`;
}

/** The list in `@Module({ providers: [ … ] })` of the one class that has it. */
function providersOf(source) {
  const decorators = source.statements
    .filter(ts.isClassDeclaration)
    .flatMap((one) => ts.getDecorators(one) ?? [])
    .map(({ expression }) => expression)
    .filter((call) => ts.isCallExpression(call) && call.expression.getText(source) === 'Module');
  const [what] = decorators.flatMap((call) => [...call.arguments]);
  if (decorators.length !== 1 || what === undefined || !ts.isObjectLiteralExpression(what)) return undefined;
  const property = what.properties.find((one) => one.name?.getText(source) === 'providers');
  const value = property && ts.isPropertyAssignment(property) ? property.initializer : undefined;
  return value && ts.isArrayLiteralExpression(value) ? value : undefined;
}

async function write(root, file, text) {
  const place = path.join(root, file);
  const style = (await resolveConfig(place)) ?? {};
  writeFileSync(place, await format(text, { ...style, filepath: place }));
}

const jobText = (name, { className, constant, sentence }) => `
import { z } from 'zod';
import { HandlesJob, type JobContext, JobHandler, defineJob } from '../jobs/index.js';

/** What is asked for. Strict: a misspelt field is refused instead of ignored. */
const payload = z.strictObject({
  items: z.array(z.string().min(1).max(200)).min(1).max(1_000),
});
type Payload = z.output<typeof payload>;

export const ${constant} = defineJob({
  name: '${name}',
  summary: '${sentence}',
  payload,
  maxRetries: 3,
  backoff: { kind: 'exponential', seconds: 5, maxSeconds: 300 },
  timeoutSeconds: 600,
  repeats: 'Everything: an attempt begins from the start.',
});

/**
 * Goes through the items one by one. An attempt may be a repetition: after a failure, or after the death of a worker
 * that had come to any point, so what it does must come to the same when it is done twice.
 */
@HandlesJob(${constant})
export class ${className} extends JobHandler<Payload> {
  override async run(context: JobContext, { items }: Payload): Promise<object> {
    let characters = 0;
    for (const [index, item] of items.entries()) {
      // Cancel, timeout and shutdown are told by the signal; pass it on to whatever takes long.
      context.signal.throwIfAborted();
      characters += item.length;
      context.progress((100 * (index + 1)) / items.length, { done: index + 1 });
    }
    context.log('info', \`\${items.length} items are done\`);
    return { items: items.length, characters };
  }
}
`;

const testText = (name) => `
import { jobConformance } from '../../../test/harness/job-conformance.js';

// What every job type has to stand. \`effects\` tells what a job has done outside of its row, so that an attempt that is
// repeated can be seen to do it once.
jobConformance({
  type: '${name}',
  payload: () => ({ items: ['one', 'دو', '세 번째'] }),
});
`;
