/**
 * Middleware for Express: the texts of JSON bodies are redacted, and those that are blocked do not get through.
 *
 * ```ts
 * app.use(express.json(), shield(client));
 * ```
 *
 * @packageDocumentation
 */
import type { NextFunction, Request, RequestHandler, Response } from "express";
import type { ShieldClient } from "./client.js";
import { BlockedError, guard, type GuardOptions } from "./guard.js";
import { slotsIn } from "./json.js";
import { Direction, Role } from "./messages.js";

/** How the middleware asks. */
export interface ExpressOptions extends GuardOptions {
  /**
   * Whether what is answered by `response.json` is looked at too, true when absent. What is written otherwise, such as
   * an event stream, is not.
   */
  readonly output?: boolean;
}

/**
 * Makes the middleware; it comes behind the one that parses the body. Every string in the body is looked at, whatever
 * the format. A blocked body is answered 403, or 503 when that is for want of a decision, with
 * `{"error": {"code", "message", "verdict", "detectors", "audit_record_id", "request_id"}}`. Other errors go to the
 * application's error handler, and the request no further.
 */
export function shield(client: ShieldClient, options: ExpressOptions = {}): RequestHandler {
  const { output = true, ...guardOptions } = options;
  return (request: Request, response: Response, next: NextFunction) => {
    if (output) guardAnswers(client, response, next, guardOptions);
    guard(client, Direction.INPUT, slotsIn(request as never, "body", Role.USER), guardOptions).then(
      () => next(),
      (error: unknown) => refuse(response, error, next),
    );
  };
}

function guardAnswers(client: ShieldClient, response: Response, next: NextFunction, options: GuardOptions): void {
  const send = response.json.bind(response);
  response.json = (body: unknown) => {
    response.json = send;
    // As it will be sent: toJSON has been called, and nothing else is changed.
    const answer = { body: body === undefined ? undefined : (JSON.parse(JSON.stringify(body)) as unknown) };
    guard(client, Direction.OUTPUT, slotsIn(answer, "body", Role.ASSISTANT), options).then(
      () => send(answer.body),
      (error: unknown) => refuse(response, error, next),
    );
    return response;
  };
}

function refuse(response: Response, error: unknown, next: NextFunction): void {
  if (!(error instanceof BlockedError)) {
    next(error);
    return;
  }
  const { decision, detectors, unavailable } = error;
  // The middleware's own answer needs no look.
  response.status(unavailable ? 503 : 403).type("json").send(
    JSON.stringify({
      error: {
        code: unavailable ? "unavailable" : "blocked",
        message: error.message,
        verdict: decision.verdict,
        detectors,
        audit_record_id: decision.auditRecordId,
        request_id: decision.requestId,
      },
    }),
  );
}
