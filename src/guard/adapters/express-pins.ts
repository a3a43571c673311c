/** Schema pins for Express 5, or anything else that calls `(request, response, next)`. Mount it before `expressGuard` and parsers. */
import type { ServerResponse } from 'node:http';
import { pinGate, type PinOptions } from '../pins/admit.js';
import { forward } from './forward.js';
import { mustBeUnclaimed } from './claimed.js';
import type { ExpressGuard, ExpressRequest } from './express.js';
import { headerText, stampHead } from './node-writes.js';
import { sendOutcome } from './response-capture.js';

export function expressPins<Request extends ExpressRequest = ExpressRequest>(options: PinOptions): ExpressGuard<Request> {
  const { admit, stamp } = pinGate(options);
  return async (request: Request, response: ServerResponse, next: () => void) => {
    mustBeUnclaimed(request);
    const admission = admit((name) => headerText(request.headers[name]));
    switch (admission.kind) {
      case 'admitted':
        stampHead(response, stamp);
        next();
        return;
      case 'elsewhere':
        await forward(request, response, request.originalUrl ?? request.url ?? '/', admission.target, stamp);
        return;
      case 'refused':
        sendOutcome(response, admission.outcome);
    }
  };
}
