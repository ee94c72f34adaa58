// Clients of a node authorization server, told what to do by lines of JSON: a call in, its outcome
// out, in the order of the calls.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [, , issuer, example] = process.argv;
const { Client } = await import(pathToFileURL(`${example}/client.js`));
const clients = new Map();

const does = {
  async client(name, options) {
    clients.set(name, await Client.of(issuer, options.id ?? name, options));
    return null;
  },
  async together(name, operation, times, ...given) {
    const calls = Array.from({ length: times }, () => clients.get(name)[operation](...given));
    const outcomes = await Promise.allSettled(calls);
    return Promise.all(outcomes.map(({ value, reason }) => value ?? refusal(reason)));
  },
  async call(name, operation, given) {
    return (await clients.get(name)[operation](...given)) ?? null;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [what, ...given] = JSON.parse(line);
  let outcome;
  try {
    outcome = { value: await does[what](...given) };
  } catch (error) {
    outcome = await refusal(error);
  }
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
}

async function refusal(error) {
  if (error.status) {
    const { status, cause: body, response } = error;
    return { status, body, cache: response.headers.get('cache-control') };
  }
  // What is no error of OAuth, such as a 503, is a fault with the response behind it.
  const { cause } = error;
  if (cause instanceof Response) return { status: cause.status, body: await cause.json() };
  return { fault: error.stack };
}
