import { Module, type DynamicModule } from '@nestjs/common';
import { KernelModule, type Runtime } from './kernel/kernel.module.js';
import { AuditModule } from './modules/audit/index.js';
import { AuthModule } from './modules/auth/index.js';
import { DatabaseBackupsModule } from './modules/database-backups/index.js';
import { JobsModule } from './modules/jobs/index.js';
import { MailModule } from './modules/mail/index.js';
import { NotificationsModule } from './modules/notifications/index.js';
import { RemotesModule } from './modules/remotes/index.js';
import { SchedulesModule } from './modules/schedules/index.js';
import { TasksModule } from './modules/tasks/index.js';
import { UsersModule } from './modules/users/index.js';

/** The only file that lists feature modules. */
@Module({})
export class AppModule {
  static forRoot(runtime: Runtime): DynamicModule {
    return {
      module: AppModule,
      imports: [
        KernelModule.forRoot(runtime),
        AuditModule,
        UsersModule,
        AuthModule,
        JobsModule,
        DatabaseBackupsModule,
        MailModule,
        NotificationsModule,
        RemotesModule,
        SchedulesModule,
        TasksModule,
      ],
    };
  }
}
