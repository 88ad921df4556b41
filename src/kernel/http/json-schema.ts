import { z } from 'zod';

type JsonSchema = Record<string, unknown>;

/**
 * A zod schema as JSON Schema for the OpenAPI document. Schemas with an `id` in their metadata become components
 * of that name. What repeats the obvious is left out: the pattern behind a format and the range of safe integers.
 */
export function toJsonSchema(
  schema: unknown,
  { schemaType }: { schemaType: 'input' | 'output' },
): { schema: JsonSchema; components: Record<string, JsonSchema> } | undefined {
  if (!(schema instanceof z.ZodType)) return undefined;
  const { $schema: _, $defs = {}, ...json } = convert(schema, schemaType);
  const id = schema.meta()?.id;
  const components = $defs as Record<string, JsonSchema>;
  if (id === undefined) return { schema: json, components };
  // A schema that is referred to inside itself, or holds other named ones, is among the definitions already.
  return {
    schema: { $ref: `#/components/schemas/${id}` },
    components: { ...components, [id]: components[id] ?? json },
  };
}

/** The component of a named schema and of those inside it. */
export function toComponents(schema: z.ZodType): Record<string, JsonSchema> {
  return toJsonSchema(schema, { schemaType: 'output' })?.components ?? {};
}

/** For input that is judged by a schema later than the rest: taken as it is, and documented as what it is to be. */
export function judgedLater(schema: z.ZodType, description: string): z.ZodUnknown {
  return z.unknown().meta({ ...toJsonSchema(schema, { schemaType: 'input' })?.schema, description });
}

function convert(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  return z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // A number of the query is checked as a text of digits, which is nobody's concern outside.
      if (jsonSchema.format !== undefined || jsonSchema.type === 'integer') delete jsonSchema.pattern;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      delete jsonSchema.id;
      // Answers hold what a schema lists; saying so would only keep clients from accepting a later addition.
      if (io === 'output' && jsonSchema.additionalProperties === false)
        delete jsonSchema.additionalProperties;
    },
  });
}
