// The identity partner: is asked by the PDP, and answers when somebody has looked at it, hours
// later. Both messages are signed (Standard Webhooks), so that neither side believes strangers.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const { PORT = '8183', SECRET } = process.env;
const KEY = Buffer.from(SECRET.replace('whsec_', ''), 'base64');
const TOLERANCE = 300; // seconds
const open = new Map();

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  const [, id, report] = /^\/verifications(?:\/([^/]+)(\/report)?)?$/.exec(request.url) ?? [];
  if (request.method === 'POST' && request.url === '/verifications') {
    response.statusCode = ask(request.headers, body);
  } else if (request.method === 'POST' && report && open.has(id)) {
    response.statusCode = await answer(id, JSON.parse(body).outcome);
  } else if (request.method === 'GET') {
    response.write(JSON.stringify([...open.keys()]));
  } else {
    response.statusCode = 404;
  }
  response.end();
}).listen(Number(PORT), '127.0.0.1', () => console.log(`partner: http://127.0.0.1:${PORT}`));

// The PDP asks. It may ask the same twice, when an answer of ours was lost.
function ask(headers, body) {
  const stamp = headers['webhook-timestamp'];
  const wanted = Buffer.from(sign(headers['webhook-id'], stamp, body));
  const signed = (headers['webhook-signature'] ?? '').split(' ').some((text) => {
    const given = Buffer.from(text);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
  if (!signed || Math.abs(Date.now() / 1000 - Number(stamp)) > TOLERANCE) return 401;
  const question = JSON.parse(body);
  open.set(question.id, question);
  console.log(`verify ${question.subject.id}: POST /verifications/${question.id}/report`);
  return 202;
}

// `outcome`: approved, refused or failed.
async function answer(id, outcome) {
  const { reply } = open.get(id);
  const body = JSON.stringify({ token: reply.token, outcome });
  const stamp = String(Math.floor(Date.now() / 1000));
  const headers = {
    'content-type': 'application/json',
    'webhook-id': `answer-${id}`,
    'webhook-timestamp': stamp,
    'webhook-signature': sign(`answer-${id}`, stamp, body),
  };
  const { status } = await fetch(reply.url, { method: 'POST', headers, body });
  if (status === 200) open.delete(id);
  return status;
}

function sign(id, stamp, body) {
  return `v1,${createHmac('sha256', KEY).update(`${id}.${stamp}.${body}`).digest('base64')}`;
}
