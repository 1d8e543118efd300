/** Marks a method for NestJS's scheduler; the harness calls the method itself. */
export const Cron = (_expression: string): MethodDecorator => () => undefined;
