import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/index.js';
import { AccountHooks } from './account-hooks.js';
import { EmailAddressesRepository } from './email-addresses.repository.js';
import { EmailAddresses } from './email-addresses.service.js';
import { PasswordHasher } from './password-hasher.js';
import { UserEntity } from './user.entity.js';
import { UsersController } from './users.controller.js';
import { UsersRepository } from './users.repository.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([UserEntity]), AuditModule],
  controllers: [UsersController],
  providers: [
    UsersService,
    UsersRepository,
    PasswordHasher,
    AccountHooks,
    EmailAddresses,
    EmailAddressesRepository,
  ],
  exports: [UsersService, PasswordHasher, AccountHooks, EmailAddresses],
})
export class UsersModule {}
