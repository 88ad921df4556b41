import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/index.js';
import { AccountHooks } from './account-hooks.js';
import { EmailAddressesRepository } from './email-addresses.repository.js';
import { EmailAddresses } from './email-addresses.service.js';
import { PasswordHasher } from './passwords/password-hasher.js';
import { PreferencesController } from './preferences/preferences.controller.js';
import { PreferencesRepository } from './preferences/preferences.repository.js';
import { UserPreferencesEntity } from './preferences/user-preferences.entity.js';
import { UserPreferences } from './preferences/user-preferences.js';
import { ErasureSweeper } from './personal-data/erasure-sweeper.js';
import { ErasuresRepository } from './personal-data/erasures.repository.js';
import { ErasuresService } from './personal-data/erasures.service.js';
import { ExportsService } from './personal-data/exports.service.js';
import { PersonalDataController } from './personal-data/personal-data.controller.js';
import { UsersAccount } from './personal-data/users.account.js';
import { UserEntity } from './user.entity.js';
import { UsersController } from './users.controller.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([UserEntity, UserPreferencesEntity]), AuditModule],
  controllers: [PreferencesController, PersonalDataController, UsersController],
  providers: [
    UsersService,
    UsersRepository,
    PasswordHasher,
    AccountHooks,
    EmailAddresses,
    EmailAddressesRepository,
    PreferencesRepository,
    UserPreferences,
    ErasuresService,
    ErasuresRepository,
    ErasureSweeper,
    ExportsService,
    UsersAccount,
  ],
  exports: [
    UsersService,
    PasswordHasher,
    AccountHooks,
    EmailAddresses,
    UserPreferences,
    ErasuresService,
    ExportsService,
  ],
})
export class UsersModule {}
