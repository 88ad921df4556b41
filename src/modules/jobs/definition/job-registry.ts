import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, Reflector } from '@nestjs/core';
import type { UserRole } from '../../../kernel/auth/index.js';
import { UserError, parseOrThrow } from '../../../kernel/http/index.js';
import { problemsOf } from './check-definition.js';
import { HANDLES_JOB, JobHandler, type JobDefinition } from './define-job.js';
import { isLimited } from './limit-key.js';

export interface JobType {
  readonly definition: JobDefinition;
  readonly handler: JobHandler;
}

/** What clients may ask for. */
export type OfferedDefinition = JobDefinition & { readonly requiredRole: UserRole };

/**
 * Every job type of this build, found by discovery and addressed by name, so that no module has to import the
 * owners of the types it starts.
 *
 * Refuses to boot (rule 3) on two handlers of one name, a decorated class that is no `JobHandler`, or a definition
 * whose name or numbers make no sense, naming all of them.
 */
@Injectable()
export class JobRegistry implements OnModuleInit {
  private readonly types = new Map<string, JobType>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly reflector: Reflector,
  ) {}

  onModuleInit(): void {
    const problems: string[] = [];
    for (const { metatype, instance } of this.discovery.getProviders()) {
      if (typeof metatype !== 'function') continue;
      const definition = this.reflector.get<JobDefinition | undefined>(HANDLES_JOB, metatype);
      if (!definition) continue;
      if (!(instance instanceof JobHandler))
        problems.push(`${metatype.name} handles "${definition.name}" but is no JobHandler`);
      else if (this.types.has(definition.name))
        problems.push(`two handlers for the job type "${definition.name}"`);
      problems.push(...problemsOf(definition));
      if (instance instanceof JobHandler) this.types.set(definition.name, { definition, handler: instance });
    }
    if (problems.length > 0) throw new Error(`Job types cannot be wired: ${problems.join('; ')}`);
  }

  all(): JobType[] {
    return [...this.types.values()].toSorted((a, b) => a.definition.name.localeCompare(b.definition.name));
  }

  /** Those that clients may ask for. */
  offered(): OfferedDefinition[] {
    return this.all()
      .map(({ definition }) => definition)
      .filter((definition): definition is OfferedDefinition => definition.requiredRole !== 'system');
  }

  /** Whether its jobs are dispatched by count, so that the end of one is the chance of another. */
  isLimited(name: string): boolean {
    const type = this.types.get(name);
    return type !== undefined && isLimited(type.definition);
  }

  /** Names of the types whose attempts may not be repeated after a crash. */
  notRepeated(): string[] {
    return this.all()
      .filter(({ definition }) => definition.onCrash === 'fail')
      .map(({ definition }) => definition.name);
  }

  find(name: string): JobType | undefined {
    return this.types.get(name);
  }

  /** The type and the parsed payload, or a 400 naming the field: an unknown type, or each wrong field of the payload. */
  parse(name: string, payload: unknown, pointer = ''): { type: JobType; payload: unknown } {
    const type = this.types.get(name);
    if (!type) {
      const known = this.offered().map((definition) => definition.name);
      throw UserError.malformed(
        `There is no job type "${name.slice(0, 50)}". Known: ${known.join(', ')}.`,
        [
          {
            pointer: `${pointer}/type`,
            code: 'job_type_unknown',
            detail: `must be one of ${known.join(', ')}`,
          },
        ],
        'job_type_unknown',
      );
    }
    return { type, payload: parseOrThrow(type.definition.payload, payload, `${pointer}/payload`) };
  }
}
