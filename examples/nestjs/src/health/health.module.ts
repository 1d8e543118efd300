import { Controller, Get, Module } from '@nestjs/common';
import { HealthCheck, HealthCheckService, TerminusModule, type HealthCheckResult } from '@nestjs/terminus';
import { TradingAgentsHealthIndicator } from '../trading-agents/trading-agents.health.js';
import { TradingAgentsModule } from '../trading-agents/trading-agents.module.js';

@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly tradingAgents: TradingAgentsHealthIndicator,
  ) {}

  @Get()
  @HealthCheck()
  check(): Promise<HealthCheckResult> {
    return this.health.check([() => this.tradingAgents.isHealthy('trading-agents')]);
  }
}

@Module({
  imports: [TerminusModule, TradingAgentsModule],
  controllers: [HealthController],
})
export class HealthModule {}
