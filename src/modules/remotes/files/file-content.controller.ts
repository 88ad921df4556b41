import { Controller, Get, Param, Put, Query, Req, Res, StreamableFile } from '@nestjs/common';
import { ApiHeader, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import { Returns, ReturnsFile, StreamedBody, StreamsBody, idParam } from '../../../kernel/http/index.js';
import { FileContentService } from './file-content.service.js';
import { answerWith } from './file-answer.js';
import { toFileView } from './file.view.js';
import { tagOf } from './file-tag.js';
import { fileView, pathQuery, type FileView, type PathQuery } from './files.schema.js';

const OCTETS = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } } as const;

@ApiTags('Files')
@Controller('api/remotes/:id/files/content')
export class FileContentController {
  constructor(private readonly files: FileContentService) {}

  /** HEAD comes here, too. */
  @Get()
  @Requires('user', 'remotes:read', { ticket: true })
  @ReturnsFile(
    'application/octet-stream',
    'The content of a file, to be saved; 304 and 412 by its ETag and time.',
  )
  @ApiHeader({
    name: 'Range',
    required: false,
    description: 'One range of bytes; several are answered with all.',
  })
  @ApiHeader({ name: 'If-Range', required: false })
  @ApiResponse({ status: 206, description: 'The part that Range asked for.', content: OCTETS })
  async download(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: pathQuery }) query: PathQuery,
    @Req() { headers, method }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile | undefined> {
    return answerWith(reply, await this.files.download(actor, id, query, headers, method !== 'HEAD'));
  }

  @Put()
  @Requires('user', 'remotes:write')
  @StreamsBody()
  @Returns(
    200,
    fileView,
    'The file, written over another one. 409 where a job writes: `place_in_use` names it.',
  )
  @ApiResponse({ status: 201, description: 'The file, new.', standardSchema: fileView })
  @ApiHeader({ name: 'If-None-Match', required: false, description: '* keeps what is there: 412.' })
  @ApiHeader({
    name: 'If-Match',
    required: false,
    description: 'The ETag of the file to be replaced: else 412.',
  })
  async upload(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: pathQuery }) query: PathQuery,
    @StreamedBody() body: IncomingMessage,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileView> {
    const { entry, replaced } = await this.files.upload(actor, id, query, body);
    void reply.status(replaced ? 200 : 201).header('ETag', tagOf(entry));
    return toFileView(entry);
  }
}
