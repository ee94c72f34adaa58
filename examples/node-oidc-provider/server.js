// The authorization server of the example: node oidc-provider with a few clients and resources.
import './node20.js';

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose';
import Provider, { errors } from 'oidc-provider';

import { Deferral } from './deferral.js';
import { filesIn } from './files.js';
import { exchangeTokens } from './token-exchange.js';

const {
  PORT = '8182',
  PDP_URL = 'http://127.0.0.1:8181',
  PDP_KEY = 'demo-as-key',
  DATA = 'data',
  CLIENT_ENDPOINT, // https: where clients are called back, if at all
} = process.env;
const ISSUER = `http://127.0.0.1:${PORT}`;
const DEFERRED = 'urn:ietf:params:oauth:grant-type:deferred';
const CIBA = 'urn:openid:params:grant-type:ciba';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';

const BANK = 'https://api.bank.example';
const BANK_API = {
  scope: 'accounts:read credit:apply',
  accessTokenFormat: 'jwt',
  accessTokenTTL: 3600,
  jwt: { sign: { alg: 'ES256' } },
};

// Everybody of policies/entities.json; who they are is believed without a password.
const PEOPLE = new Set(['alice', 'bob', 'carol', 'mallory']);

const COMMON = {
  id_token_signed_response_alg: 'ES256',
  authorization_details_types: ['payment_initiation', 'customer_records'],
};
const CLIENTS = [
  {
    ...COMMON,
    client_id: 'web-shop',
    client_secret: 'the secret of the web shop',
    grant_types: ['authorization_code', 'refresh_token', DEFERRED],
    redirect_uris: ['https://shop.example/callback'],
    deferred_client_notification_endpoint: CLIENT_ENDPOINT && `${CLIENT_ENDPOINT}/deferred`,
  },
  {
    ...COMMON,
    client_id: 'phone-app',
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    dpop_bound_access_tokens: true,
    grant_types: ['authorization_code', 'refresh_token', DEFERRED],
    redirect_uris: ['com.example.app:/callback'],
  },
  {
    ...COMMON,
    client_id: 'agent-7',
    client_secret: 'the secret of agent 7',
    grant_types: ['client_credentials', EXCHANGE, CIBA, DEFERRED],
    response_types: [],
    redirect_uris: [],
    backchannel_token_delivery_mode: 'poll',
  },
];
if (CLIENT_ENDPOINT) {
  CLIENTS.push({
    ...COMMON,
    client_id: 'agent-ping',
    client_secret: 'the secret of agent ping',
    grant_types: [CIBA],
    response_types: [],
    redirect_uris: [],
    backchannel_token_delivery_mode: 'ping',
    backchannel_client_notification_endpoint: `${CLIENT_ENDPOINT}/ping`,
  });
}

const deferral = new Deferral({ pdp: PDP_URL, key: PDP_KEY });

const key = await signingKey();

const configuration = {
  adapter: filesIn(DATA),
  clients: CLIENTS,
  jwks: { keys: [key] },
  scopes: ['openid', 'offline_access'],
  findAccount: (_, sub) => (PEOPLE.has(sub) ? person(sub) : undefined),
  discovery: await deferral.metadata(),
  extraParams: ['completion_mode'],
  extraClientMetadata: { properties: ['deferred_client_notification_endpoint'] },
  // A refresh token that was replaced would be lost if the PDP then could not be asked.
  rotateRefreshToken: false,
  cookies: { keys: ['only for the example'] },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    dPoP: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_, __, oneOf) => oneOf?.[0] ?? BANK,
      getResourceServerInfo: (_, resource) => {
        if (resource !== BANK) throw new errors.InvalidTarget();
        return BANK_API;
      },
      useGrantedResource: () => true,
    },
    richAuthorizationRequests: {
      enabled: true,
      types: {
        payment_initiation: { validate: positiveAmount },
        customer_records: { validate: () => {} },
      },
      // Whether they are allowed is for the PDP to say, when the token is asked for.
      authorizationDetailsForGrantSource: (ctx) => detailsOf(ctx),
      authorizationDetailsForAccessToken: (ctx, _, source) => detailsOf(ctx) ?? source?.rar,
      authorizationDetailsForIntrospection: (_, token) => token.rar,
    },
    ciba: {
      enabled: true,
      ...deferral.ciba,
      processLoginHint: async (ctx, hint) => (await deferral.personOf(ctx, hint)) ?? hint,
      verifyUserCode: () => {},
      validateRequestContext: () => {},
    },
  },
  ttl: { AccessToken: 3600, ClientCredentials: 3600, BackchannelAuthenticationRequest: 600 },
};

const provider = new Provider(ISSUER, configuration);
exchangeTokens(provider, EXCHANGE, [publicPart(key)]);
deferral.attach(provider);
provider.on('server_error', (_, error) => console.error(error));
provider.listen(Number(PORT), '127.0.0.1', () => console.log(`authorization server: ${ISSUER}`));

function person(sub) {
  return { accountId: sub, claims: () => ({ sub }) };
}

function publicPart({ d, ...key }) {
  return key;
}

function positiveAmount(_, { amount }) {
  if (!Number.isInteger(amount) || amount <= 0) {
    throw new errors.InvalidAuthorizationDetails('`amount` must be a positive integer');
  }
}

function detailsOf({ oidc: { params } }) {
  return params.authorization_details && JSON.parse(params.authorization_details);
}

async function signingKey() {
  const file = join(DATA, 'signing-key.json');
  if (!existsSync(file)) {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    mkdirSync(DATA, { recursive: true, mode: 0o700 });
    writeFileSync(file, JSON.stringify(await exportJWK(privateKey)), { mode: 0o600 });
  }
  const jwk = JSON.parse(readFileSync(file, 'utf8'));
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: 'ES256', use: 'sig' };
}
