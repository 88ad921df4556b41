import { createHash } from 'node:crypto';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';

const TEXTS: Readonly<Record<string, string>> = {
  'welcome.en.txt': `Welcome to Steward.

These files are here to be copied. Once a minute a schedule makes a job, the job copies this folder to the remote
"backups", and you can follow it live. Change a file and watch the next copy take only that one.
`,
  'texts/خوش‌آمد.fa.txt': `به استیوارد خوش آمدید.

این پرونده‌ها برای رونوشت‌برداری اینجا هستند. هر دقیقه یک بار برنامهٔ زمان‌بندی کاری می‌سازد و آن کار این پوشه را
رونوشت می‌کند. یکی از پرونده‌ها را تغییر دهید و ببینید که بار بعد فقط همان رونوشت می‌شود.
`,
  'texts/환영합니다.ko.txt': `스튜어드에 오신 것을 환영합니다.

이 파일들은 복사해 보기 위한 것입니다. 일정이 일 분마다 작업을 만들고, 그 작업이 이 폴더를 복사합니다.
파일 하나를 고치면 다음번에는 그 파일만 복사됩니다.
`,
  'texts/ยินดีต้อนรับ.th.txt': `ยินดีต้อนรับสู่ Steward

ไฟล์เหล่านี้มีไว้ให้คัดลอก ทุก ๆ หนึ่งนาทีกำหนดการจะสร้างงานขึ้นมาหนึ่งงาน และงานนั้นจะคัดลอกโฟลเดอร์นี้
ลองแก้ไขไฟล์หนึ่งไฟล์ แล้วครั้งถัดไปจะมีเพียงไฟล์นั้นที่ถูกคัดลอก
`,
  'texts/Добро пожаловать.ru.txt': `Добро пожаловать в Steward.

Эти файлы лежат здесь, чтобы их копировать. Раз в минуту расписание создаёт задание, и оно копирует эту папку.
Измените один файл, и в следующий раз скопируется только он.
`,
};

const PICTURE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 160" role="img" aria-label="A folder copied to another">
  <rect width="240" height="160" fill="#f4f1ea"/>
  <g fill="#2f6f6d"><path d="M20 56h26l8 10h36v50H20z"/><path d="M150 56h26l8 10h36v50h-70z" opacity=".55"/></g>
  <path d="M100 90h34m-10-10 12 10-12 10" fill="none" stroke="#c8553d" stroke-width="5" stroke-linecap="round" stroke-linejoin="round"/>
</svg>
`;

const TABLE_ROWS = 2_000;
const BLOB_BYTES = 1_048_576;

/** The files of the demo remote: path and content. The same on every machine, so that copies can be compared. */
export function demoFiles(): ReadonlyMap<string, string | Buffer> {
  return new Map<string, string | Buffer>([
    ...Object.entries(TEXTS),
    ['pictures/copy.svg', PICTURE],
    ['tables/readings.csv', table()],
    ['binary/one-megabyte.bin', blob()],
  ]);
}

/** Writes those that are missing below `folder`. Interrupted, it leaves no half file under a final name. */
export async function writeDemoFiles(folder: string): Promise<void> {
  for (const [name, content] of demoFiles()) {
    const file = path.join(folder, name);
    if (await exists(file)) continue;
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(`${file}.part`, content);
    await rename(`${file}.part`, file);
  }
}

/** One reading of a thermometer every half hour. */
function table(): string {
  const begin = Date.UTC(2026, 0, 1);
  const rows = Array.from({ length: TABLE_ROWS }, (_, row) => {
    const at = new Date(begin + row * 30 * 60_000).toISOString();
    const celsius = 8 * Math.sin((row / 48) * 2 * Math.PI) + (row % 7) / 10;
    return `${row + 1},${at},${celsius.toFixed(1)},${40 + ((row * 37) % 50)}`;
  });
  return `${['reading,measured_at,celsius,humidity_percent', ...rows].join('\n')}\n`;
}

/** Bytes without a pattern, from hashes of their place. */
function blob(): Buffer {
  const blocks = Array.from({ length: BLOB_BYTES / 32 }, (_, block) =>
    createHash('sha256').update(`steward ${block}`).digest(),
  );
  return Buffer.concat(blocks);
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch {
    return false;
  }
}
