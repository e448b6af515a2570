// BullMQ on Node: speaks the same JSON lines as driving.py. Its packages are found through NODE_PATH.
import { appendFileSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(process.env.BENCH_NODE + '/');
const { Queue, QueueEvents, Worker } = require('bullmq');
const connection = { path: process.env.BENCH_SOCKET, maxRetriesPerRequest: null };
const CHUNK = 1000;
const LOOK_MS = 10;
const IDLE_MS = 5;
const STAY_MS = 3_600_000;

if (process.argv[2] === 'work') {
  new Worker('bench', async (job) => (job.data.ledger ? stay(job.data.ledger) : job.data.number), { connection, concurrency: Number(process.env.BENCH_CONCURRENCY) });
} else {
  await drive();
}

async function drive() {
  const queue = new Queue('bench', { connection });
  const events = new QueueEvents('bench', { connection });
  await events.waitUntilReady();
  await queue.waitUntilReady();
  say({ version: require('bullmq/package.json').version });
  for await (const line of createInterface({ input: process.stdin })) {
    try {
      say(await answer(queue, events, JSON.parse(line)));
    } catch (error) {
      say({ error: String(error) });
    }
  }
  process.exit(0);
}

async function answer(queue, events, request) {
  if (request.do === 'fill') return timed(() => fill(queue, request.count));
  if (request.do === 'finish') return timed(() => finish(queue));
  if (request.do === 'latency') return { samples_s: await latency(queue, events, request) };
  if (request.do === 'history') return timed(async () => (await queue.getJobs(['completed'], 0, -1)).length);
  if (request.do === 'begin') return timed(() => begin(queue, request.ledger));
  throw new Error(`unknown request ${request.do}`);
}

async function begin(queue, ledger) {
  await queue.add('stay', { ledger });
}

// stays until killed; when run again, ends at once
async function stay(ledger) {
  appendFileSync(ledger, `${process.pid} ${Date.now() / 1000}\n`);
  if (readFileSync(ledger, 'utf8').trim().split('\n').length === 1) await sleep(STAY_MS);
}

async function timed(work) {
  const began = performance.now();
  const answer = await work();
  return { seconds: (performance.now() - began) / 1000, answer, peak_bytes: 1024 * peakKiB() };
}

// the most memory this process ever had
function peakKiB() {
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
}

async function fill(queue, count) {
  for (let start = 0; start < count; start += CHUNK) {
    const size = Math.min(CHUNK, count - start);
    await queue.addBulk(Array.from({ length: size }, (_, index) => ({ name: 'noop', data: { number: start + index } })));
  }
}

async function finish(queue) {
  while ((await queue.getJobCountByTypes('waiting', 'active', 'prioritized', 'delayed')) > 0) await sleep(LOOK_MS);
}

async function latency(queue, events, request) {
  const samples = [];
  const end = performance.now() + request.limit_s * 1000;
  while (samples.length < request.count && performance.now() < end) {
    const began = performance.now();
    const job = await queue.add('noop', { number: samples.length });
    const value = await job.waitUntilFinished(events);
    samples.push((performance.now() - began) / 1000);
    if (value !== samples.length - 1) throw new Error(`the job returned ${value}`);
    await sleep(IDLE_MS);
  }
  return samples;
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function say(reply) {
  process.stdout.write(JSON.stringify(reply) + '\n');
}
