import { type DestinationStream, destination as openDestination, pino } from 'pino';
import { redactFields, redactText } from './redact.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Writes one JSON line for each call. An error goes into the fields: `logger.error({ error }, 'message')`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger whose lines all have these fields too. */
  child(fields: object): Logger;
}

/** A logger whose lines can be waited for: what was written before `flush` has left the process when it resolves. */
export interface ServiceLogger extends Logger {
  flush(): Promise<void>;
}

export interface LoggerOptions {
  service: string;
  instance: string;
  level: LogLevel;
  /** Where lines go; stderr when absent (stdout belongs to the ready line and to programs' answers). */
  destination?: DestinationStream;
}

/** A logger with JSON lines; what looks like a secret is taken out of the fields and the message. */
export function createLogger(options: LoggerOptions): ServiceLogger {
  // Not synchronous: a slow reader of stderr must not stop the event loop. pino flushes when the process exits, but
  // what it writes then can overtake a line still under way; `flush` waits for that one (it needs a minLength).
  const stream = options.destination ?? openDestination({ dest: 2, sync: false, minLength: 1 });
  const inner = pino(
    {
      level: options.level,
      base: { service: options.service, instance: options.instance },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      messageKey: 'message',
    },
    stream,
  );
  // A reader of stderr that went away must not keep the process: the error is that of a log, not of the service.
  const flush = () => new Promise<void>((resolve) => inner.flush(() => resolve()));
  return { ...wrap(inner), flush };
}

function wrap(inner: pino.Logger): Logger {
  const write = (level: LogLevel) => (fields: object, message: string) => {
    if (inner.isLevelEnabled(level)) inner[level](redactFields(fields), redactText(message));
  };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => wrap(inner.child(redactFields(fields))),
  };
}

/** A logger that writes nothing. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
