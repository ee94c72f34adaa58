// A client of the authorization server, on openid-client. It needs nothing special to wait: a
// deferred answer is an error like any other, and the deferred grant is one more grant type.
import { randomUUID } from 'node:crypto';

import { SignJWT, createRemoteJWKSet, exportJWK, jwtVerify } from 'jose';
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
  #key;
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
    this.#key = await oauth.randomDPoPKeyPair('ES256', { extractable: true });
    this.#DPoP = oauth.getDPoPHandle(this.#config, this.#key);
  }

  thumbprint() {
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

  // Give a deferral code up. One that is bound to a key needs its proof, which openid-client sends
  // to the token endpoint only.
  async revoke(token, { proof = this.#key } = {}) {
    if (proof) {
      const { revocation_endpoint: url } = this.metadata();
      const dpop = await this.#proofFor(url);
      this.#config[oauth.customFetch] = (address, options) =>
        fetch(address, { ...options, headers: { ...options.headers, dpop } });
    }
    try {
      await oauth.tokenRevocation(this.#config, token, { token_type_hint: DEFERRAL_CODE });
    } finally {
      this.#config[oauth.customFetch] = undefined;
    }
  }

  async #proofFor(htu) {
    const jwk = await exportJWK(this.#key.publicKey);
    return new SignJWT({ htm: 'POST', htu, jti: randomUUID() })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
      .setIssuedAt()
      .sign(this.#key.privateKey);
  }

  backchannel(parameters) {
    return oauth.initiateBackchannelAuthentication(this.#config, parameters);
  }

  waitBackchannel(given) {
    return oauth.pollBackchannelAuthenticationGrant(this.#config, given);
  }
}
