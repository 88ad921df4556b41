import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { Settings } from '../../kernel/config/index.js';
import { toJsonSchema } from '../../kernel/http/index.js';
import { partsOf, rootOf, type RemoteTypeView } from './remotes.schema.js';
import { remoteTypes, schemasOf } from './types/configuration.js';
import type { RemoteTypeDefinition } from './types/remote-type.js';

/** What remotes can be made, told from the schemas that judge them. */
@Injectable()
export class RemoteTypesService {
  constructor(private readonly settings: Settings) {}

  list(): { items: RemoteTypeView[] } {
    return { items: Object.values(remoteTypes).map((definition) => this.view(definition)) };
  }

  private view(definition: RemoteTypeDefinition): RemoteTypeView {
    const { type, summary, parts } = definition;
    const { options, secrets } = schemasOf(type);
    const root = rootOf(definition);
    return {
      type,
      summary,
      requiredRole: type === 'local' || this.settings.remotesMadeBy === 'admins' ? 'admin' : 'user',
      root: root && jsonSchema(root),
      options: jsonSchema(options),
      secrets: jsonSchema(secrets),
      parts: parts && jsonSchema(partsOf(parts)),
    };
  }
}

const jsonSchema = (schema: z.ZodType): Record<string, unknown> =>
  toJsonSchema(schema, { schemaType: 'input' })?.schema ?? {};
