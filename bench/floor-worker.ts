/** A worker for `floor-workflow.ts`, in a process of its own as Sluice's is. Usage: `floor-worker.ts <address> <task queue>`. */
import { fileURLToPath } from 'node:url';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';

const [address = '', taskQueue = ''] = process.argv.slice(2);
Runtime.install({ logger: new DefaultLogger('WARN') });
const connection = await NativeConnection.connect({ address });
const worker = await Worker.create({
  connection,
  taskQueue,
  workflowsPath: fileURLToPath(new URL('./floor-workflow.ts', import.meta.url)),
  activities: { stamp: () => Promise.resolve(Date.now()) },
});
console.log('ready');
await worker.run();
await connection.close();
