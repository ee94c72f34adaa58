// A client that waits, to be watched: `npm run walk -- record`, `payment` or `credit`.
import './node20.js';

import { Client } from './client.js';

const { PDP_PORT = '8181', PORT = '8182' } = process.env;
const ISSUER = `http://127.0.0.1:${PORT}`;
const QUEUE = `http://127.0.0.1:${PDP_PORT}/queue/v1/tasks`;
const WAIT = { completion_mode: 'deferred' };
const story = process.argv[2] ?? 'record';

const shop = () =>
  Client.of(ISSUER, 'web-shop', {
    secret: 'the secret of the web shop',
    redirectUri: 'https://shop.example/callback',
  });

const stories = {
  // Client credentials: an agent wants to read what it was not given. Alice decides.
  async record() {
    const details = [{ type: 'customer_records', identifier: 'alice-2027', actions: ['read'] }];
    const agent = await Client.of(ISSUER, 'agent-7', { secret: 'the secret of agent 7' });
    const asked = { authorization_details: JSON.stringify(details), ...WAIT };
    return [agent, agent.grant('client_credentials', asked), () => decide('alice')];
  },
  // Authorization code: Alice pays, and the fraud desk looks at it first.
  async payment() {
    const details = [{ type: 'payment_initiation', amount: 5000, actions: ['initiate'] }];
    const client = await shop();
    const asked = { scope: 'openid', authorization_details: JSON.stringify(details), ...WAIT };
    const signedIn = await client.authorize('alice', asked);
    return [client, client.redeem(signedIn, WAIT), () => decide('carol')];
  },
  // Authorization code: Alice applies for credit, and is identified first.
  async credit() {
    const client = await shop();
    const asked = { scope: 'openid credit:apply', resource: 'https://api.bank.example', ...WAIT };
    const signedIn = await client.authorize('alice', asked);
    return [client, client.redeem(signedIn, WAIT), identify];
  },
};

if (!stories[story]) throw new Error(`one of ${Object.keys(stories).join(', ')}`);
const [client, answer, todo] = await stories[story]();
try {
  console.log('at once:', await answer);
} catch (error) {
  if (!error.cause?.deferral_code) throw error;
  console.log('deferred:', error.cause);
  await todo(error.cause);
  const tokens = await client.wait(error.cause, (said) => console.log('not yet:', said));
  console.log('granted:', tokens, '\nthe token says:', await client.verify(tokens.access_token));
}

async function decide(person) {
  const headers = { authorization: 'Bearer demo-inbox-key' };
  const { items } = await (await fetch(`${QUEUE}?status=pending`, { headers })).json();
  const [newest] = items.sort((a, b) => b.created_at.localeCompare(a.created_at));
  console.log(`\nLet ${person} decide (approve or deny), in another terminal:
  curl ${QUEUE}/${newest.id}/decisions -H 'Authorization: Bearer demo-inbox-key' \\
    -H 'Content-Type: application/json' \\
    -d '{"decision": "approve", "approver": {"type": "user", "id": "${person}"}}'\n`);
}

async function identify({ interaction_uri: page }) {
  console.log(`\nVisit ${page} and press the button.
Then see what the partner was asked, and let it report:
  curl http://127.0.0.1:8183/
  curl http://127.0.0.1:8183/verifications/ID/report -d '{"outcome": "approved"}'\n`);
}
