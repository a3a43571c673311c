/** Fastify 5. Register it first, in the root: it covers every route, the unknown ones included. */
import type { FastifyInstance } from 'fastify';
import { ofItsScope } from '../adapters/fastify.js';
import { answered, expressService } from './node.js';
import type { Service } from './service.js';

export function fastifyService(service: Service): (app: FastifyInstance) => Promise<void> {
  const middleware = expressService(service);
  return ofItsScope((app) => {
    app.addHook('onRequest', (request, reply, done) => {
      if (answered(service, request.raw, reply.raw)) reply.hijack();
      else middleware(request.raw, reply.raw, done);
    });
    return Promise.resolve();
  });
}
