import type { MailTexts } from './mail-texts.js';

export const ko: MailTexts = {
  direction: 'ltr',
  greeting: '{name}님, 안녕하세요.',
  greetingWithoutName: '안녕하세요.',
  codeBesideLink: '또는 앱에 다음 코드를 입력하세요:',
  codeAlone: '앱에 다음 코드를 입력하세요:',
  happened: '발생 시각: {time} ({timezone}).',
  footer: '이 메일은 {app}에서 보냈습니다. 회신은 아무도 읽지 않습니다.',
  mails: {
    'verify-email': {
      subject: '이메일 주소를 확인해 주세요',
      before: ['{address} 주소가 {app}에서 사용하시는 본인의 주소인지 확인해 주세요.'],
      action: '주소 확인',
      after: [
        '코드는 한 번만, {hours}시간 동안 사용할 수 있습니다. {app} 계정이 없다면 이 메일을 무시하세요.',
      ],
    },
    'reset-password': {
      subject: '새 비밀번호를 설정하세요',
      before: ['{app} 계정의 새 비밀번호가 요청되었습니다.'],
      action: '새 비밀번호 설정',
      after: [
        '코드는 한 번만, {minutes}분 동안 사용할 수 있습니다. 모든 기기에서 로그아웃됩니다.',
        '직접 요청하지 않았다면 이 메일을 무시하세요. 비밀번호는 그대로 유지됩니다.',
      ],
    },
    'confirm-new-email': {
      subject: '새 이메일 주소를 확인해 주세요',
      before: ['{app} 계정의 주소를 {address}(으)로 바꾸려고 합니다. 확인하시면 적용됩니다.'],
      action: '새 주소 확인',
      after: [
        '코드는 한 번만, {hours}시간 동안 사용할 수 있습니다. 직접 요청하지 않았다면 이 메일을 무시하세요.',
      ],
    },
    'email-change-asked': {
      subject: '이메일 주소 변경이 요청되었습니다',
      before: ['{app} 계정에 로그인한 사람이 주소를 {address}(으)로 바꾸도록 요청했습니다.'],
      after: [
        '본인이 요청했다면 여기서 할 일은 없습니다. 새 주소로 보낸 메일에서 확인해 주세요.',
        '본인이 아니라면 지금 바로 비밀번호를 바꾸세요.',
      ],
    },
    'email-changed': {
      subject: '이메일 주소가 변경되었습니다',
      before: ['{app} 계정의 주소가 이 주소에서 {address}(으)로 바뀌었습니다.'],
      action: '변경 취소',
      after: [
        '본인이 아니라면 {hours}시간 안에 취소하세요. 계정의 주소가 이 주소로 돌아가고, 모든 기기에서 로그아웃되며, 새 비밀번호를 위한 코드가 발송됩니다.',
        '본인이 바꿨다면 이 메일을 무시하세요.',
      ],
    },
    'password-changed': {
      subject: '비밀번호가 변경되었습니다',
      before: ['{app} 계정의 비밀번호가 변경되었습니다.'],
      after: ['본인이 아니라면 즉시 새 비밀번호를 요청하세요.'],
    },
    'new-device': {
      subject: '새 기기에서 로그인했습니다',
      before: [
        '이전에 사용하지 않던 기기나 네트워크에서 {app} 계정에 로그인했습니다.',
        '기기: {device}. 네트워크 주소: {network}.',
      ],
      after: ['본인이 아니라면 지금 바로 비밀번호를 바꾸고 해당 세션을 종료하세요.'],
    },
    'second-factor-added': {
      subject: '2단계 인증이 설정되었습니다',
      before: ['이제 {app} 계정에 로그인할 때 2단계 인증이 필요합니다.'],
      after: ['본인이 아니라면 지금 바로 비밀번호를 바꾸고 관리자에게 도움을 요청하세요.'],
    },
    'second-factor-removed': {
      subject: '2단계 인증이 해제되었습니다',
      before: ['이제 {app} 계정에 로그인할 때 2단계 인증이 필요하지 않습니다.'],
      after: ['본인이 아니라면 지금 바로 비밀번호를 바꾸고 2단계 인증을 다시 설정하세요.'],
    },
    'recovery-code-used': {
      subject: '복구 코드가 사용되었습니다',
      before: ['{app} 계정 로그인에 2단계 인증 대신 복구 코드가 사용되었습니다.'],
      after: ['본인이 아니라면 지금 바로 비밀번호를 바꾸고 복구 코드를 새로 만드세요.'],
    },
    'recovery-codes-renewed': {
      subject: '복구 코드가 새로 만들어졌습니다',
      before: ['{app} 계정의 복구 코드가 새로 만들어졌습니다. 이전 코드는 더 이상 사용할 수 없습니다.'],
      after: ['본인이 아니라면 지금 바로 비밀번호를 바꾸고 관리자에게 도움을 요청하세요.'],
    },
  },
};
