import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** `/openapi.json` (3.1, from the schemas that validate) and `/docs`, a page that needs nothing from outside. */
export function serveDocumentation(app: NestFastifyApplication): void {
  const configuration = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Steward')
    .setDescription(
      'Accounts, durable jobs, schedules, file remotes, notifications and audit. Errors are RFC 9457 problem documents.',
    )
    .setVersion('0.1.0')
    .setLicense('MIT', '')
    .addBearerAuth()
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, configuration), {
    jsonDocumentUrl: '/openapi.json',
    yamlDocumentUrl: '/openapi.yaml',
    customSiteTitle: 'Steward API',
  });
}
