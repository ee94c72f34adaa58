// A client of the authorization server, on openid-client. It needs nothing special to wait: a
// deferred answer is an error like any other, and the deferred grant is one more grant type.
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as oauth from 'openid-client';

import { Browser } from './browser.js';

export const DEFERRED = 'urn:ietf:params:oauth:grant-type:deferred';
export const CIBA = 'urn:openid:params:grant-type:ciba';
export const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const DEFERRAL_CODE = 'urn:ietf:params:oauth:token-type:deferral-code';
const WAITING = new Set(['authorization_pending', 'interaction_required', 'slow_down']);

export class Client {
  #config;
  #redirectUri;
  #DPoP;

  constructor(config, redirectUri) {
    this.#config = config;
    this.#redirectUri = redirectUri;
  }

  // Without a secret it is a public client, and proves a key of its own (DPoP).
  static async of(issuer, id, { secret, redirectUri } = {}) {
    const authentication = secret ? oauth.ClientSecretBasic(secret) : oauth.None();
    const metadata = { id_token_signed_response_alg: 'ES256' };
    const config = await oauth.discovery(new URL(issuer), id, metadata, authentication, {
      execute: [oauth.allowInsecureRequests], // the example has no TLS
    });
    const client = new Client(config, redirectUri);
    if (!secret) await client.newKey();
    return client;
  }

  async newKey() {
    this.#DPoP = oauth.getDPoPHandle(this.#config, await oauth.randomDPoPKeyPair('ES256'));
    return this.#DPoP.calculateThumbprint();
  }

  metadata() {
    return this.#config.serverMetadata();
  }

  // Send somebody to the authorization endpoint; what the token request then needs.
  async authorize(person, parameters) {
    const pkceCodeVerifier = oauth.randomPKCECodeVerifier();
    const expectedState = oauth.randomState();
    const expectedNonce = oauth.randomNonce();
    const url = oauth.buildAuthorizationUrl(this.#config, {
      redirect_uri: this.#redirectUri,
      code_challenge: await oauth.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
      state: expectedState,
      nonce: expectedNonce,
      ...parameters,
    });
    const back = await new Browser().visit(url, person, this.#redirectUri);
    return { back, checks: { pkceCodeVerifier, expectedState, expectedNonce } };
  }

  redeem({ back, checks }, parameters) {
    const options = { DPoP: this.#DPoP };
    return oauth.authorizationCodeGrant(this.#config, new URL(back), checks, parameters, options);
  }

  grant(type, parameters) {
    return oauth.genericGrantRequest(this.#config, type, parameters, { DPoP: this.#DPoP });
  }

  refresh(token) {
    return oauth.refreshTokenGrant(this.#config, token, undefined, { DPoP: this.#DPoP });
  }

  poll(deferralCode) {
    return this.grant(DEFERRED, { deferral_code: deferralCode });
  }

  // Poll as the server wants it, until there is an answer.
  async wait({ deferral_code: code, interval }, said = () => {}) {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, interval * 1000));
      try {
        return await this.poll(code);
      } catch (error) {
        if (!WAITING.has(error.error)) throw error;
        if (error.error === 'slow_down') interval += 5;
        said(error.cause);
      }
    }
  }

  // What a resource server would do with a token, before it looks at what it allows.
  async verify(token, audience) {
    const { issuer, jwks_uri } = this.metadata();
    const keys = createRemoteJWKSet(new URL(jwks_uri));
    return (await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt' })).payload;
  }

  revoke(token) {
    return oauth.tokenRevocation(this.#config, token, { token_type_hint: DEFERRAL_CODE });
  }

  backchannel(parameters) {
    return oauth.initiateBackchannelAuthentication(this.#config, parameters);
  }

  waitBackchannel(given) {
    return oauth.pollBackchannelAuthenticationGrant(this.#config, given);
  }
}
