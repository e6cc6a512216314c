/** A real Kafka for tests: one broker on the loopback, whose data are gone when it is stopped. */

import type { ChildProcess } from 'node:child_process';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { mavenPackages, requireProgram } from './packages.ts';

const VERSION = '4.1.1';
const CLUSTER_ID = 'Z2F2ZWwtdGVzdC1rYWZrYQ';
const HEAP = '-Xmx512m';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

export interface KafkaService extends AsyncDisposable {
  readonly bootstrapServers: string;
  /** How it came here, for people: `Kafka 4.1.1 from Maven packages, pid 4711, 127.0.0.1:19092`. */
  readonly description: string;
  /** The folder of its jars, which hold Kafka's command line tools too. */
  readonly libraries: string;
  /** Kills the broker (`kill -9`) and starts it again on its data, at the same address. */
  restart(): Promise<void>;
}

/**
 * Starts a broker and waits until it answers. A way by containers belongs before this one, to be taken where
 * `docker info` succeeds.
 * @throws Error that says what is missing: Java, Maven, or why the broker did not start
 */
export async function startKafka(): Promise<KafkaService> {
  await requireProgram('java', '-version', 'Kafka runs on Java 17 or later');
  const libraries = await mavenPackages({
    name: `kafka-${VERSION}`,
    artifacts: [
      `org.apache.kafka:kafka_2.13:${VERSION}`,
      `org.apache.kafka:kafka-tools:${VERSION}`,
      'org.slf4j:slf4j-simple:1.7.36',
    ],
  });
  const directory = await mkdtemp(join(tmpdir(), 'gavel-kafka-'));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const properties = join(directory, 'server.properties');
  await writeFile(properties, configuration(directory, port, controllerPort));
  const classPath = ['-cp', join(libraries, '*')];
  const format = ['kafka.tools.StorageTool', 'format', '-t', CLUSTER_ID, '-c', properties];
  await promisify(execFile)('java', [...classPath, ...format]);
  const command = [HEAP, ...classPath, 'kafka.Kafka', properties];
  let child = await launch(directory, command, port);
  const bootstrapServers = `127.0.0.1:${port}`;
  return {
    bootstrapServers,
    description: `Kafka ${VERSION} from Maven packages, pid ${child.pid}, ${bootstrapServers}`,
    libraries,
    async restart() {
      await stopChild(child, 'SIGKILL');
      child = await launch(directory, command, port);
    },
    async [Symbol.asyncDispose]() {
      await stopChild(child, 'SIGTERM');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Answers when the broker does. */
async function launch(directory: string, command: readonly string[], port: number): Promise<ChildProcess> {
  const child = await spawnBroker(directory, command);
  try {
    await answering(child, port, join(directory, 'broker.log'));
    return child;
  } catch (error) {
    await stopChild(child, 'SIGKILL');
    throw error;
  }
}

async function spawnBroker(directory: string, command: readonly string[]): Promise<ChildProcess> {
  const log = await open(join(directory, 'broker.log'), 'w');
  try {
    const child = spawn('java', command, { stdio: ['ignore', log.fd, log.fd] });
    process.once('exit', () => child.kill('SIGKILL'));
    return child;
  } finally {
    await log.close();
  }
}

/** Until it takes connections and has said that it is started. */
async function answering(child: ChildProcess, port: number, log: string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const text = await readFile(log, 'utf8');
    if (text.includes('Kafka Server started') && (await accepts(port))) return;
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      throw new Error(`Kafka did not start; the end of its log:\n${text.slice(-2_000)}`);
    }
    await delay(100);
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

async function stopChild(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'exit');
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  await closed;
  clearTimeout(timer);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Kafka's defaults, but for one node, for records with any time, and for time-outs that are noticed soon. */
function configuration(directory: string, port: number, controllerPort: number): string {
  return Object.entries({
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${controllerPort}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(directory, 'data'),
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
    'group.initial.rebalance.delay.ms': 0,
    'log.retention.check.interval.ms': 86_400_000,
    'log.initial.task.delay.ms': 86_400_000,
    'auto.create.topics.enable': false,
  })
    .map(([key, value]) => `${key}=${value}\n`)
    .join('');
}
