import { describe, expect, it } from 'vitest';
import { projectFiles } from './architecture/project-files.js';
import { RULES, type Rule } from './architecture/rules.js';
import { parseSource } from './architecture/source-file.js';

const files = projectFiles();

describe('the house', () => {
  it('is read', () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.find(({ path }) => path === 'src/app.module.ts')?.imports.length).toBeGreaterThan(4);
  });

  it.each(RULES)('$name', (rule) => {
    expect(report(rule, rule.find(files))).toBe('');
  });
});

describe('each rule', () => {
  it.each(RULES)('can fail: $name', (rule) => {
    const example = EXAMPLES[rule.name];
    if (!example) throw new Error(`Give an example of what "${rule.name}" forbids and allows.`);
    expect(rule.find(virtual(example.forbidden)).map(({ file }) => file)).toEqual(example.found);
    expect(report(rule, rule.find(virtual(example.allowed)))).toBe('');
  });

  it('has examples only for rules there are', () => {
    expect(Object.keys(EXAMPLES).toSorted()).toEqual(RULES.map(({ name }) => name).toSorted());
  });

  it('takes nothing in strings and comments for code', () => {
    const text = [
      `// import '../remotes/index.js'; process.env.PORT; Date.now()`,
      `const text = "import x from 'bullmq'; forwardRef(() => X); new Date()";`,
      'const code = `export * from "typeorm"; ${text} process.env`;',
      `const at = new Date(5);`,
    ].join('\n');
    const { imports, mentions } = parseSource('src/modules/jobs/x.ts', text);
    expect([imports, mentions]).toEqual([[], []]);
  });

  it('sees every way to import', () => {
    const text = [
      `import 'a'; import b from 'b'; import * as c from 'c'; import { d as e } from 'd'; import type { F } from 'f';`,
      `export * from 'g'; export { h } from 'h'; const i = await import('i'); type J = import('j').J;`,
      `const k = require('k');`,
    ].join('\n');
    expect(
      parseSource('src/x.ts', text)
        .imports.map(({ target }) => target)
        .join(''),
    ).toBe('abcdfghijk');
  });
});

interface Example {
  readonly forbidden: Record<string, string>;
  readonly found: readonly string[];
  readonly allowed: Record<string, string>;
}

const one = (path: string, text: string): Record<string, string> => ({ [path]: text });
/** `text` is refused in the file `wrong` and accepted in the file `right`. */
const placed = (text: string, wrong: string, right: string): Example => ({
  forbidden: one(wrong, text),
  found: [wrong],
  allowed: one(right, text),
});

const EXAMPLES: Readonly<Record<string, Example>> = {
  'modules import only the modules below them': {
    forbidden: {
      ...one('src/modules/jobs/a.ts', `import { Remotes } from '../remotes/index.js';`),
      ...one('src/modules/tasks/b.ts', `export * from '../notifications/index.js';`),
    },
    found: ['src/modules/jobs/a.ts', 'src/modules/tasks/b.ts'],
    allowed: one('src/modules/remotes/engine/a.ts', `import { JobsService } from '../../jobs/index.js';`),
  },
  'every module has its line in the table of imports': {
    forbidden: one('src/modules/gossip/gossip.module.ts', ''),
    found: ['src/modules/gossip'],
    allowed: one('src/modules/users/users.module.ts', ''),
  },
  'a module is entered through its index.ts': {
    forbidden: {
      ...one('src/modules/jobs/a.ts', `import type { UserEntity } from '../users/user.entity.js';`),
      ...one('src/app.module.ts', `import { JobsModule } from './modules/jobs/jobs.module.js';`),
      ...one('src/modules/notifications/n.ts', `import { JobMoved } from '../jobs/engine/moved.js';`),
    },
    found: ['src/modules/jobs/a.ts', 'src/app.module.ts', 'src/modules/notifications/n.ts'],
    allowed: {
      ...one('src/modules/notifications/n.ts', `import { JOB_ENDED } from '../jobs/index.js';`),
      ...one('src/modules/jobs/engine/a.ts', `import { x } from '../jobs.policy.js';`),
      ...one('seeds/demo.ts', `import { JobsService } from '../src/modules/jobs/index.js';`),
    },
  },
  'modules use the kernel through the index.ts of its parts': placed(
    `import { Read } from '../../kernel/database/handles.js';`,
    'src/modules/jobs/a.ts',
    'src/kernel/x/a.ts',
  ),
  'the kernel imports no feature': placed(
    `import { JobsService } from '../../modules/jobs/index.js';`,
    'src/kernel/queue/a.ts',
    'src/modules/remotes/a.ts',
  ),
  'only the composition files import what lies outside src, and nobody imports them': {
    forbidden: {
      ...one('src/modules/jobs/a.ts', `import { seed } from '../../../seeds/index.js';`),
      ...one('src/modules/jobs/b.ts', `import { AppModule } from '../../app.module.js';`),
    },
    found: ['src/modules/jobs/a.ts', 'src/modules/jobs/b.ts'],
    allowed: one('src/start.ts', `import { seed } from '../seeds/index.js';`),
  },
  'no file imports the index.ts of its own module': {
    forbidden: {
      ...one('src/modules/jobs/engine/a.ts', `import { JobsService } from '../index.js';`),
      ...one('src/kernel/http/a.ts', `import { UserError } from './index.js';`),
    },
    found: ['src/modules/jobs/engine/a.ts', 'src/kernel/http/a.ts'],
    allowed: one('src/modules/schedules/a.ts', `import { plan } from './core/index.js';`),
  },
  'files import each other in no circle': {
    forbidden: {
      ...one('src/a.ts', `import './b.js';`),
      ...one('src/b.ts', `import './c.js';`),
      ...one('src/c.ts', `import type { B } from './b.js';`),
    },
    found: ['src/b.ts'],
    allowed: {
      ...one('src/a.ts', `import './b.js'; import './c.js';`),
      ...one('src/b.ts', `import './c.js';`),
      ...one('src/c.ts', ''),
    },
  },
  'typeorm only in entities, repositories, kernel/database and migrations': placed(
    `import { In } from 'typeorm';`,
    'src/modules/users/users.service.ts',
    'src/modules/users/users.repository.ts',
  ),
  '@nestjs/typeorm only in kernel/database and *.module.ts': placed(
    `import { InjectRepository } from '@nestjs/typeorm';`,
    'src/modules/users/users.repository.ts',
    'src/modules/users/users.module.ts',
  ),
  'bullmq only in kernel/queue': placed(
    `import type { Job } from 'bullmq';`,
    'src/modules/jobs/jobs.service.ts',
    'src/kernel/queue/queues.ts',
  ),
  'ioredis only in kernel/redis': placed(
    `import { Redis } from 'ioredis';`,
    'src/kernel/realtime/hub.ts',
    'src/kernel/redis/profiles.ts',
  ),
  'pg only in the kernel': placed(
    `import { Client } from 'pg';`,
    'src/modules/jobs/jobs.repository.ts',
    'src/kernel/database/migrate.ts',
  ),
  'SQL helpers only in repositories and the kernel': placed(
    `import { query as sql } from '../../kernel/database/index.js';`,
    'src/modules/jobs/jobs.service.ts',
    'src/modules/jobs/jobs.repository.ts',
  ),
  'migrations import nothing from src': {
    forbidden: one('migrations/1-a.ts', `import { newId } from '../src/kernel/database/id.js';`),
    found: ['migrations/1-a.ts'],
    allowed: one('migrations/1-a.ts', `import type { QueryRunner } from 'typeorm';`),
  },
  'node:process env is not imported': placed(
    `import { env } from 'node:process';`,
    'src/start.ts',
    'src/kernel/config/settings.ts',
  ),
  'process.env only in kernel/config': {
    forbidden: {
      ...one('src/a.ts', `const port = process.env.PORT;`),
      ...one('src/b.ts', `const { env } = process;`),
      ...one('src/c.ts', `const all = process['env'];`),
    },
    found: ['src/a.ts', 'src/b.ts', 'src/c.ts'],
    allowed: one('src/kernel/config/settings.ts', `export const all = process.env;`),
  },
  'Date.now() and new Date() only in kernel/time': {
    forbidden: {
      ...one('src/a.ts', `const at = Date.now();`),
      ...one('src/b.ts', `const at = new Date();`),
      ...one('src/c.ts', `const at = new Date;`),
      ...one('src/d.ts', `const at = Date();`),
    },
    found: ['src/a.ts', 'src/b.ts', 'src/c.ts', 'src/d.ts'],
    allowed: {
      ...one('src/kernel/time/clock.ts', `export const now = () => new Date();`),
      ...one('src/a.ts', `const at = new Date(0); const now = performance.now();`),
    },
  },
  'no forwardRef': {
    forbidden: one('src/modules/jobs/jobs.module.ts', `const x = [forwardRef(() => UsersModule)];`),
    found: ['src/modules/jobs/jobs.module.ts'],
    allowed: one('src/modules/jobs/jobs.module.ts', `const x = [UsersModule]; // no forwardRef`),
  },
  'controllers contain no SQL': {
    forbidden: one('src/modules/jobs/jobs.controller.ts', 'const x = `select * from jobs where id = ${id}`;'),
    found: ['src/modules/jobs/jobs.controller.ts'],
    allowed: one(
      'src/modules/jobs/jobs.controller.ts',
      `const x = 'Select a file to delete from the list.'.length;`,
    ),
  },
  'files of src have at most 350 lines': placed('x;\n'.repeat(351), 'src/a.ts', 'migrations/a.ts'),
};

function virtual(sources: Record<string, string>) {
  return Object.entries(sources).map(([path, text]) => parseSource(path, text));
}

function report({ reason }: Rule, violations: ReturnType<Rule['find']>): string {
  if (violations.length === 0) return '';
  const places = violations.map(({ file, line, what }) => `  ${file}:${line} ${what}`);
  return [reason, ...places].join('\n');
}
