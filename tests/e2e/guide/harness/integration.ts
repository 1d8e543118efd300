/** The guide's end-to-end test, then its health indicator, account performance and nightly job. */
import './globals';
import '../backend/test/e2e/trading-agents.e2e-spec';
import { TradingAgentsHealthIndicator } from '../backend/src/health/trading-agents.health';
import { SyncTradingPerformanceJob } from '../backend/src/jobs/sync-trading-performance.job';
import { accounts } from './completion';

const NUMBERS = ['total_profit', 'total_loss', 'win_rate', 'total_trades', 'current_drawdown'];

describe('The rest of the guide', () => {
  it('reports a healthy service with a running agent', async () => {
    const health = await new TradingAgentsHealthIndicator(tradingAgentsClient).isHealthy('trading-agents');
    expect(health['trading-agents'].status).toBe('up');
    expect(health['trading-agents'].agents_running).toBeGreaterThanOrEqual(1);
  });

  it('computes the performance of an account from the metrics', async () => {
    const [account] = accounts.values();
    const performance = await accountService.getAccountPerformance(account.id);
    expect(performance.current_balance).toBe(1000);
    for (const figure of ['total_return', 'win_rate', 'total_trades', 'current_drawdown'] as const) {
      expect(performance[figure]).toEqual(expect.any(Number));
      expect(performance[figure]).not.toBeNaN();
    }
  });

  it('syncs the metrics of every account at night', async () => {
    await new SyncTradingPerformanceJob(tradingAgentsClient).syncPerformance();
    const [account] = accounts.values();
    for (const figure of NUMBERS) {
      expect(account.metrics[figure]).toBeGreaterThanOrEqual(0);
    }
  });
});
