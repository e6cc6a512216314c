/** An instance of the counting application on Kafka, until it is killed: argv = servers, prefix of its names, state directory, instance id. */

import { kafkaBroker } from 'gavel/broker';
import { levelState } from 'gavel/stores';
import { createStreams } from 'gavel/streams';
import { countingTopology } from '../support/counting.ts';
import { namespaced } from '../support/services/namespaced-broker.ts';

const [bootstrapServers = '', prefix = '', directory = '', instanceId = ''] = process.argv.slice(2);
const broker = await kafkaBroker({ bootstrapServers, clientId: instanceId });
const app = createStreams({
  applicationId: 'counting',
  topology: countingTopology(),
  broker: namespaced(broker, { prefix, settled: () => Promise.resolve() }),
  state: levelState({ directory }),
  instanceId,
  sessionTimeoutMs: 6_000,
  rebalanceTimeoutMs: 10_000,
  listeners: { onWarning: ({ code, message }) => process.stderr.write(`${code} ${message}\n`) },
});
await app.start();
process.stdout.write('running\n');
process.once('SIGTERM', () => void app.close());
await app.finished;
await broker.close();
