export type HealthIndicatorResult = Record<string, { status: 'up' | 'down'; [detail: string]: unknown }>;

/** What NestJS's base class does: one entry under the indicator's key. */
export class HealthIndicator {
  protected getStatus(key: string, isHealthy: boolean, data: object): HealthIndicatorResult {
    return { [key]: { status: isHealthy ? 'up' : 'down', ...data } };
  }
}
