import { Body, Controller, Delete, Get, Param, Post, Query, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { CurrentActor, Requires, type UserActor } from '../../../kernel/auth/index.js';
import type { Page } from '../../../kernel/database/index.js';
import { Once, Returns, ReturnsNothing, idParam, type OnceRequest } from '../../../kernel/http/index.js';
import {
  filePage,
  fileView,
  filesQuery,
  newFolderBody,
  pathQuery,
  renameBody,
  type FilesQuery,
  type FileView,
  type NewFolderBody,
  type PathQuery,
  type RenameBody,
} from './files.schema.js';
import { FilesService } from './files.service.js';

@ApiTags('Files')
@Controller('api/remotes/:id/files')
export class FilesController {
  constructor(private readonly files: FilesService) {}

  @Get()
  @Requires('user', 'remotes:read')
  @Returns(
    200,
    filePage,
    'One folder in the order of names, as far as the caller may see it; at most 60 s old.',
  )
  list(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: filesQuery }) query: FilesQuery,
  ): Promise<Page<FileView>> {
    return this.files.list(actor, id, query);
  }

  @Get('stat')
  @Requires('user', 'remotes:read')
  @Returns(200, fileView, 'One file or folder as it is now.')
  stat(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: pathQuery }) query: PathQuery,
  ): Promise<FileView> {
    return this.files.stat(actor, id, query);
  }

  @Post('folders')
  @Requires('user', 'remotes:write')
  @Returns(
    201,
    fileView,
    'The folder, made with those above it, or there already; 409 where a file is in the way or a job writes.',
  )
  async makeFolder(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Body({ schema: newFolderBody }) body: NewFolderBody,
    @Once() once: OnceRequest | null,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<FileView> {
    const folder = await this.files.makeFolder(actor, id, body, once);
    void reply.header('Location', `/api/remotes/${id}/files?path=${encodeURIComponent(folder.path)}`);
    return folder;
  }

  @Delete()
  @Requires('user', 'remotes:write')
  @ReturnsNothing(
    'Deleted: a file, or an empty folder; 409 for one that is not empty, which is work for a job, and where a job writes.',
  )
  delete(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Query({ schema: pathQuery }) query: PathQuery,
  ): Promise<void> {
    return this.files.delete(actor, id, query);
  }

  @Post('rename')
  @Requires('user', 'remotes:write')
  @Returns(
    200,
    fileView,
    'The file at its new path; 409 where something is there or a job writes. Folders are moved by a job.',
  )
  rename(
    @CurrentActor() actor: UserActor,
    @Param({ schema: idParam }) { id }: { id: string },
    @Body({ schema: renameBody }) body: RenameBody,
  ): Promise<FileView> {
    return this.files.rename(actor, id, body);
  }
}
