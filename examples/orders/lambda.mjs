// Orders on AWS Lambda, behind API Gateway (payload 1.0 or 2.0), a function URL or a load balancer.
// Deploy it bundled with sluice; the handler is `handler`. RELEASE and REVISION (the alias's version) come with the deployment.
// A store must outlive the environment: Redis or PostgreSQL, as in express.mjs and fastify.mjs. In memory, a retry that meets
// another environment is a first request.
import { lambdaGuard, lambdaService, MemoryStore, Service } from 'sluice/guard';

const { RELEASE = 'dev', REVISION = 'local', AWS_LAMBDA_INITIALIZATION_TYPE } = process.env;
const service = new Service({
  name: 'orders',
  releaseId: RELEASE,
  revision: REVISION,
  paths: { metrics: false, ready: false }, // nobody could scrape one environment
  startsWarm: AWS_LAMBDA_INITIALIZATION_TYPE === 'provisioned-concurrency',
});
const guard = service.guard({ store: new MemoryStore(), onEvent: ({ kind, route }) => console.log({ guard: kind, route }) });

const orders = [];
const place = lambdaGuard(
  guard,
  { tenant: (event) => event.requestContext.authorizer?.jwt?.claims?.sub ?? 'acme', leaseMs: 60_000 }, // above the timeout
  async (event) => {
    orders.push(JSON.parse(event.body));
    const headers = { 'content-type': 'application/json', location: `/orders/${orders.length}` };
    return { statusCode: 201, headers, body: JSON.stringify({ order: orders.length }) };
  },
);

export const handler = lambdaService(
  service,
  async (event, context) => {
    const { method } = event.requestContext.http;
    if (event.rawPath === '/orders' && method === 'POST') return place(event, context);
    if (event.rawPath === '/orders' && method === 'GET') return { statusCode: 200, body: JSON.stringify(orders) };
    return { statusCode: 404, body: 'not found' };
  },
  // One line an invocation: metric filters make 5xx, cold starts and durations of it, by release and revision.
  { report: (invocation) => console.log(JSON.stringify(invocation)) },
);
