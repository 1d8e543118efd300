// backend/test/e2e/trading-agents.e2e-spec.ts

describe('Trading Agents Integration', () => {
  it('should create account and start agent', async () => {
    // 1. Crear cuenta de inversión
    const account = await request(app.getHttpServer())
      .post('/investment/accounts')
      .send({
        user_id: userId,
        product_id: 'atlas-conservative',
        initial_deposit: 1000.0
      })
      .expect(201);

    // 2. Verificar que agente se inició
    const agentStatus = await tradingAgentsClient.getAgentStatus('atlas');
    expect(agentStatus.status).toBe('running');

    // 3. Simular señal ML
    await tradingAgentsClient.sendSignal('atlas', {
      symbol: 'BTCUSDT',
      action: 'buy',
      confidence: 0.85,
      price: 45000.0
    });

    // 4. Verificar posición abierta
    const positions = await tradingAgentsClient.getPositions('atlas');
    expect(positions.total_positions).toBeGreaterThan(0);
  });
});
