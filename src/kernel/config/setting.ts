import { z } from 'zod';

/** What one environment variable means: everything the loader, `.env.example` and the README table need. */
export interface SettingDefinition {
  readonly env: string;
  /** For the operator: one or two sentences, with units. */
  readonly help: string;
  /** Parses the raw text; `undefined` means the variable is absent or empty. */
  readonly schema: z.ZodType<unknown, string | undefined>;
  /** Shown in `.env.example` and the README; the schema itself applies the default. */
  readonly example: string;
  /** Never logged or echoed. */
  readonly secret?: true;
}

export const text = (fallback: string) =>
  z
    .string()
    .optional()
    .transform((value) => value ?? fallback);
export const optionalText = () => z.string().optional();
export const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .optional()
    .transform((value) => (value === undefined ? fallback : value === 'true'));
export const integer = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be between ${min} and ${max}`);
export const wholeNumber = (fallback: number, min: number, max: number) =>
  integer(min, max)
    .optional()
    .transform((value) => value ?? fallback);
export const url = (...protocols: string[]) =>
  z
    .string()
    .refine(
      (value) => URL.canParse(value) && protocols.includes(new URL(value).protocol),
      `must be a URL beginning with ${protocols.map((p) => `${p}//`).join(' or ')}`,
    )
    .optional();
