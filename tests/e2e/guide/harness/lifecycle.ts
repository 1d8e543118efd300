/** The calls of the guide's client that its test leaves out, on the agent that is running. */
import './globals';

describe("The guide's client", () => {
  it('pauses, resumes and stops the agent', async () => {
    expect((await tradingAgentsClient.pauseAgent('atlas')).status).toBe('paused');
    expect((await tradingAgentsClient.getAgentStatus('atlas')).status).toBe('paused');
    expect((await tradingAgentsClient.resumeAgent('atlas')).status).toBe('running');
    expect((await tradingAgentsClient.stopAgent('atlas')).status).toBe('stopped');
    expect((await tradingAgentsClient.getAgentStatus('atlas')).status).toBe('stopped');
  });
});
