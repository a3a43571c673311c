/** Schema pins for Fastify 5, in `onRequest`: before any body is read and, wherever it is registered, before the guard claims. */
import type { FastifyInstance } from 'fastify';
import { pinGate, type PinOptions } from '../pins/admit.js';
import { forward } from './forward.js';
import { ofItsScope, send } from './fastify.js';
import { headerText, stampHead } from './node-writes.js';

export function fastifyPins(options: PinOptions): (app: FastifyInstance) => Promise<void> {
  const { admit, stamp } = pinGate(options);
  return ofItsScope((app) => {
    app.addHook('onRequest', async (request, reply) => {
      const admission = admit((name) => headerText(request.headers[name]));
      switch (admission.kind) {
        case 'admitted':
          stampHead(reply.raw, stamp);
          return undefined;
        case 'elsewhere':
          reply.hijack();
          await forward(request.raw, reply.raw, request.raw.url ?? '/', admission.target, stamp);
          return undefined;
        case 'refused':
          return send(reply, admission.outcome);
      }
    });
    return Promise.resolve();
  });
}
