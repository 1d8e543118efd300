/** Products are named after their agent: `atlas-conservative`, `orion-moderate`, `nova-aggressive`. */
export function agentTypeOf(productId: string): string {
  return productId.split('-', 1)[0] ?? productId;
}
