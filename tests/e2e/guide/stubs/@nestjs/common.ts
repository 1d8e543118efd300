/** The one decorator of NestJS that the guide's classes use; here nobody reads what it marks. */
export const Injectable = (): ClassDecorator => () => undefined;
