import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { toComponents, toJsonSchema } from './json-schema.js';
import { problemView } from './problem.schema.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'put', 'post', 'patch', 'delete'] as const;

/**
 * The OpenAPI 3.1 document, from the schemas that validate: named views are components, every operation has a
 * summary and says that errors are problem documents.
 */
export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const configuration = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Steward')
    .setDescription(
      'Accounts, durable jobs, schedules, file remotes, notifications and audit. Errors are RFC 9457 problem documents.',
    )
    .setVersion('0.1.0')
    .setLicense('MIT', 'https://opensource.org/license/mit')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An access token or an API key.' })
    .build();
  const document = SwaggerModule.createDocument(app, configuration, {
    standardSchemaConverter: toJsonSchema,
    // Part of the contract: clients are generated from it. `JobsController.create` is `jobsCreate`.
    operationIdFactory: (controller, method) =>
      `${controller.charAt(0).toLowerCase()}${controller.slice(1).replace(/Controller$/, '')}${method.charAt(0).toUpperCase()}${method.slice(1)}`,
  });
  const components = (document.components ??= {});
  Object.assign((components.schemas ??= {}), toComponents(problemView));
  for (const item of Object.values(document.paths))
    for (const method of METHODS) if (item[method]) complete(item[method]);
  return document;
}

/** `/openapi.json` and `/docs`, a page that needs nothing from outside. */
export function serveDocumentation(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: '/openapi.json',
    yamlDocumentUrl: '/openapi.yaml',
    customSiteTitle: 'Steward API',
    // The page would otherwise send the document's address to a validator on the internet.
    swaggerOptions: { validatorUrl: null },
  });
}

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

function complete(operation: Operation): void {
  const answers = Object.entries(operation.responses);
  const success = answers.find(([status]) => status.startsWith('2'))?.[1];
  if (success && 'description' in success && !operation.summary) operation.summary = success.description;
  if (operation.security?.length) {
    operation.responses['401'] ??= problem(
      'The access token is missing, malformed or expired, or its session has ended.',
    );
    operation.responses['403'] ??= problem('The caller may not do this.');
  }
  operation.responses['default'] ??= problem('Any error: `code` says which, `errors` which fields.');
}
