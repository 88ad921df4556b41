import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/index.js';
import { AccountHooks } from './account-hooks.js';
import { PasswordHasher } from './passwords/password-hasher.js';
import { PreferencesController } from './preferences/preferences.controller.js';
import { PreferencesRepository } from './preferences/preferences.repository.js';
import { UserPreferencesEntity } from './preferences/user-preferences.entity.js';
import { UserPreferences } from './preferences/user-preferences.js';
import { UserEntity } from './user.entity.js';
import { UsersController } from './users.controller.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([UserEntity, UserPreferencesEntity]), AuditModule],
  controllers: [PreferencesController, UsersController],
  providers: [
    UsersService,
    UsersRepository,
    PasswordHasher,
    AccountHooks,
    PreferencesRepository,
    UserPreferences,
  ],
  exports: [UsersService, PasswordHasher, AccountHooks, UserPreferences],
})
export class UsersModule {}
