// Starts everything: the PDP with the policies of this folder, the identity partner, and the
// authorization server. Ctrl-C ends it all.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('.', import.meta.url)));
const BUILT = '../../.venv/bin/pdp';
const {
  PDP = existsSync(BUILT) ? BUILT : 'pdp',
  PDP_PORT = '8181',
  PORT = '8182',
  PARTNER_PORT = '8183', // as in policies/workflows.yaml
  DATA = 'data',
} = process.env;
const SECRET = 'whsec_aWRlbnRpdHktcGFydG5lci1leGFtcGxlLXNlY3JldA==';
const PDP_URL = `http://127.0.0.1:${PDP_PORT}`;
const AS_URL = `http://127.0.0.1:${PORT}`;
const running = [];

mkdirSync(DATA, { recursive: true, mode: 0o700 });
process.on('SIGINT', end).on('SIGTERM', end);

start(PDP, [
  ...['serve', '--demo', '--port', PDP_PORT, '--database', `sqlite:///${DATA}/pdp.db`],
  ...['--policies', 'policies', '--schemas', `${DATA}/no-schemas`],
], {
  PDP_SECRETS: JSON.stringify({ 'identity-partner': SECRET }),
  PDP_LOG__LEVEL: 'warning',
  PDP_OUTBOUND__ALLOW_HOSTS: '["127.0.0.1"]', // the partner is on this machine
});
start(process.execPath, ['partner.js'], { PORT: PARTNER_PORT, SECRET });
await ready(`${PDP_URL}/readyz`);
start(process.execPath, ['server.js'], { PORT, PDP_URL, DATA });
await ready(`${AS_URL}/.well-known/oauth-authorization-server`);
console.log(`
PDP                   ${PDP_URL}     queue: GET /queue/v1/tasks, Bearer demo-inbox-key
authorization server  ${AS_URL}
identity partner      http://127.0.0.1:${PARTNER_PORT}     GET / lists what it was asked

Now, in another terminal: npm run walk
`);

function start(command, given, environment) {
  const child = spawn(command, given, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  child.on('error', (error) => {
    console.error(`${command}: ${error.message}`);
    end();
  });
  child.on('exit', end);
  running.push(child);
}

async function ready(url) {
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  console.error(`${url} does not answer`);
  end();
}

function end() {
  for (const child of running) child.kill();
  process.exitCode = 1;
}
