import type { MailTexts } from './mail-texts.js';

export const en: MailTexts = {
  direction: 'ltr',
  greeting: 'Hello {name},',
  greetingWithoutName: 'Hello,',
  codeBesideLink: 'Or enter this code in the application:',
  codeAlone: 'Enter this code in the application:',
  happened: 'This happened on {time} ({timezone}).',
  footer: 'This mail was written by {app}. Nobody reads answers to it.',
  mails: {
    'verify-email': {
      subject: 'Confirm your e-mail address',
      before: ['Please confirm that {address} is your address at {app}.'],
      action: 'Confirm the address',
      after: ['The code works once, for {hours} hours. If you have no account at {app}, ignore this mail.'],
    },
    'reset-password': {
      subject: 'Set a new password',
      before: ['A new password was asked for, for your account at {app}.'],
      action: 'Set a new password',
      after: [
        'The code works once, for {minutes} minutes. All your devices will be logged out.',
        'If it was not you who asked, ignore this mail: your password stays as it is.',
      ],
    },
    'confirm-new-email': {
      subject: 'Confirm your new e-mail address',
      before: ['An account at {app} is to get the address {address}. It counts once you confirm it.'],
      action: 'Confirm the new address',
      after: ['The code works once, for {hours} hours. If it was not you who asked, ignore this mail.'],
    },
    'email-change-asked': {
      subject: 'A new e-mail address was asked for',
      before: [
        'Somebody who is logged in to your account at {app} has asked to change its address to {address}.',
      ],
      after: [
        'If it was you, there is nothing to do here: confirm it with the mail to the new address.',
        'If it was not you, change your password now.',
      ],
    },
    'email-changed': {
      subject: 'Your e-mail address was changed',
      before: ['Your account at {app} has the address {address} now, and no longer this one.'],
      action: 'Undo the change',
      after: [
        'If it was not you, undo it within {hours} hours: your account gets this address again, all devices are logged out, and you are sent a code for a new password.',
        'If it was you, ignore this mail.',
      ],
    },
    'password-changed': {
      subject: 'Your password was changed',
      before: ['The password of your account at {app} was changed.'],
      after: ['If it was not you, ask for a new password at once.'],
    },
    'new-device': {
      subject: 'Login from a new device',
      before: [
        'Somebody has logged in to your account at {app} from a device or network that was not used before.',
        'Device: {device}. Address: {network}.',
      ],
      after: ['If it was not you, change your password now and end that session.'],
    },
    'second-factor-added': {
      subject: 'A second factor was set up',
      before: ['Your account at {app} now asks for a second factor at login.'],
      after: ['If it was not you, change your password now and ask an administrator for help.'],
    },
    'second-factor-removed': {
      subject: 'Your second factor was removed',
      before: ['Your account at {app} no longer asks for a second factor at login.'],
      after: ['If it was not you, change your password now and set up a second factor again.'],
    },
    'recovery-code-used': {
      subject: 'A recovery code was used',
      before: ['A recovery code took the place of your second factor at a login to your account at {app}.'],
      after: ['If it was not you, change your password now and make new recovery codes.'],
    },
    'recovery-codes-renewed': {
      subject: 'New recovery codes were made',
      before: ['New recovery codes were made for your account at {app}; the old ones no longer work.'],
      after: ['If it was not you, change your password now and ask an administrator for help.'],
    },
  },
};
