// Token exchange (RFC 8693), which oidc-provider leaves to its users: a client that was given
// somebody's token asks for one of its own, to act for them.
import { createLocalJWKSet, jwtVerify } from 'jose';
import { errors } from 'oidc-provider';
import * as grants from 'oidc-provider/lib/helpers/grants.js';

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const PARAMETERS = [
  ...['subject_token', 'subject_token_type', 'requested_token_type'],
  ...['scope', 'resource', 'authorization_details'],
];

// `keys`: the public ones that this server signs its access tokens with.
export function exchangeTokens(provider, grantType, keys) {
  const published = createLocalJWKSet({ keys });

  async function exchange(ctx) {
    const { client, params } = ctx.oidc;
    if (params.subject_token_type !== ACCESS_TOKEN) {
      throw new errors.InvalidRequest('`subject_token_type` must be that of an access token');
    }
    const proof = await grants.validateDpop(provider, ctx);
    const { sub } = await subjectOf(params.subject_token ?? '');
    const [server] = await grants.resolveRequestedResources(provider, ctx);
    if (!server) throw new errors.InvalidTarget();
    const scopes = [...grants.validateClientScope(provider, ctx)];

    const token = new provider.AccessToken({ accountId: sub, client, gty: grantType });
    token.resourceServer = server;
    token.scope = scopes.filter((scope) => server.scopes.has(scope)).join(' ') || undefined;
    if (proof) {
      await grants.checkDpopReplay(provider, ctx, proof, client.clientId);
      token.setThumbprint('jkt', proof.thumbprint);
    }
    await grants.applyAuthorizationDetails(provider, ctx, token);
    ctx.state.act = { sub: client.clientId };
    const accessToken = await token.save();
    ctx.body = grants.buildTokenResponse(provider, {
      accessToken,
      authorizationDetails: token.rar,
      expiresIn: token.expiration,
      issuedTokenType: ACCESS_TOKEN,
      scope: token.scope,
      tokenType: token.tokenType,
    });
  }

  async function subjectOf(token) {
    try {
      const { payload } = await jwtVerify(token, published, {
        issuer: provider.issuer,
        typ: 'at+jwt',
      });
      // A client's own token names no person, though its id may be that of one.
      if (payload.sub === payload.client_id) throw new Error('a token of a client itself');
      return payload;
    } catch (cause) {
      throw new errors.InvalidGrant({ cause });
    }
  }

  provider.registerGrantType(grantType, exchange, PARAMETERS, ['resource']);
}
