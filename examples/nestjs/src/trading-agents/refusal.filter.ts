import { Catch, HttpException, HttpStatus, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { TradingAgentsError } from '@trading-agents/client';

/** Input that Trading Agents refuses, this backend refuses in the same words; anything else is a bad gateway. */
@Catch(TradingAgentsError)
export class RefusalFilter extends BaseExceptionFilter {
  override catch(error: TradingAgentsError, host: ArgumentsHost): void {
    const isCallersFault = [HttpStatus.NOT_FOUND, HttpStatus.CONFLICT, HttpStatus.UNPROCESSABLE_ENTITY].includes(error.code);
    const status = isCallersFault ? error.code : HttpStatus.BAD_GATEWAY;
    super.catch(new HttpException({ statusCode: status, message: error.message, errors: error.errors }, status, { cause: error }), host);
  }
}
