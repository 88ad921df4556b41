import { Module } from '@nestjs/common';
import { UsersModule } from '../users/index.js';
import { TasksAccountRepository } from './tasks-account.repository.js';
import { TasksAccount } from './tasks.account.js';

@Module({ imports: [UsersModule], providers: [TasksAccount, TasksAccountRepository] })
export class TasksModule {}
