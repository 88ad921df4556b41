import { Expose, Transform, instanceToPlain, plainToInstance } from 'class-transformer';
import type { ApiKeyRow } from './api-keys.repository.js';
import type { ApiKeyView } from './api-keys.schema.js';

const instant = ({ value }: { value: Date | null }): string | null => value?.toISOString() ?? null;

/** What may leave of a key. A column that is not named here stays inside, whoever forgets it elsewhere. */
class ExposedApiKey implements ApiKeyView {
  @Expose() id: string;
  @Expose() name: string;
  @Expose() prefix: string;
  @Expose() scopes: string[];
  @Expose() allowedNetworks: string[];
  @Expose() @Transform(instant, { toClassOnly: true }) createdAt: string;
  @Expose() @Transform(instant, { toClassOnly: true }) expiresAt: string | null;
  @Expose() @Transform(instant, { toClassOnly: true }) lastUsedAt: string | null;
  @Expose() lastUsedIp: string | null;
}

export function toApiKeyView(row: ApiKeyRow): ApiKeyView {
  const exposed = plainToInstance(ExposedApiKey, row, { excludeExtraneousValues: true });
  return instanceToPlain(exposed) as ApiKeyView;
}
