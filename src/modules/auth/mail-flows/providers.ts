import { AccountMails } from './account-mails.service.js';
import { AccountTokenSecrets } from './account-token.js';
import { AccountTokens } from './account-tokens.service.js';
import { AccountTokensRepository } from './account-tokens.repository.js';
import { EmailChange } from './email-change.service.js';
import { EmailVerification } from './email-verification.service.js';
import { MailFlowRecords } from './mail-flow-records.js';
import { MailRequests } from './mail-requests.js';
import { MailedCodes } from './mailed-codes.service.js';
import { PasswordReset } from './password-reset.service.js';
import { SeenDevices } from './seen-devices.service.js';
import { SeenDevicesRepository } from './seen-devices.repository.js';

/** What the auth module is made of for the flows that go through somebody's mailbox. */
export const MAIL_FLOWS = [
  AccountMails,
  AccountTokenSecrets,
  AccountTokens,
  AccountTokensRepository,
  EmailChange,
  EmailVerification,
  MailFlowRecords,
  MailRequests,
  MailedCodes,
  PasswordReset,
  SeenDevices,
  SeenDevicesRepository,
];
