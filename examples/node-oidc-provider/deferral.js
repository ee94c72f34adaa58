// The plug-in: makes a node oidc-provider ask authzen-pdp before it issues an access token, and
// relay "not yet" to its clients (Deferred Token Response, CIBA). Copy this file.
//
//   const deferral = new Deferral({ pdp: 'https://pdp.example.com', key: '…' });
//   const provider = new Provider(issuer, {
//     discovery: await deferral.metadata(),
//     extraParams: ['completion_mode'],
//     extraClientMetadata: { properties: ['deferred_client_notification_endpoint'] },
//     features: { ciba: { enabled: true, ...deferral.ciba }, … },
//   });
//   deferral.attach(provider);
//
// The provider does what it always did: it authenticates the client, checks codes, consent and
// proofs. When an access token for a resource server is about to be saved, the PDP is asked.
import { createHash, randomBytes, randomUUID } from 'node:crypto';

import Provider, { errors } from 'oidc-provider';
import { issueIdToken } from 'oidc-provider/lib/helpers/grant_common.js';
import * as grants from 'oidc-provider/lib/helpers/grants.js';

const DEFERRED = 'urn:ietf:params:oauth:grant-type:deferred';
const CIBA = 'urn:openid:params:grant-type:ciba';
const POLLS = {
  [DEFERRED]: { path: '/deferrals/poll', member: 'deferral_code' },
  [CIBA]: { path: '/backchannel-requests/poll', member: 'auth_req_id' },
};
const X5T = 'x5t#S256';
const AFTERWARDS = 86_400; // seconds that a code is remembered, so that it is called expired

export class Deferral {
  #provider;
  #pdp;
  #key;
  #subject;
  #context;
  #models;
  #turns = new Map();

  // `subject(accountId)`: what the PDP calls an account. `context(ctx, token)`: what policy may
  // look at besides, such as a risk score.
  constructor({
    pdp,
    key,
    subject = (accountId) => ({ type: 'user', id: accountId }),
    context = () => undefined,
  }) {
    this.#pdp = pdp;
    this.#key = key;
    this.#subject = subject;
    this.#context = context;
  }

  // What to publish of it in the metadata of the server (RFC 8414).
  async metadata() {
    return (await this.#call('GET', '/metadata')).body;
  }

  // For the configuration `features.ciba`.
  get ciba() {
    return {
      deliveryModes: ['poll', 'ping'],
      validateBindingMessage: () => {}, // the PDP does
      triggerAuthenticationDevice: (ctx, request) => this.#askBackchannel(ctx, request),
    };
  }

  // Whose request a deferral code of this client is: for `features.ciba.processLoginHint`.
  async personOf(ctx, code) {
    return (await this.#find(ctx, code))?.token.accountId;
  }

  attach(provider) {
    this.#provider = provider;
    this.#models = modelsOf(provider);
    for (const [grant, { member }] of Object.entries(POLLS)) {
      provider.registerGrantType(grant, (ctx) => this.#poll(ctx, grant), [member]);
    }
    for (const model of [provider.AccessToken, provider.ClientCredentials]) {
      beforeSave(model, (token, ctx) => this.#askBefore(token, ctx));
    }
    // What the client announced at the authorization endpoint must hold at the token endpoint.
    addMember(provider.AuthorizationCode, 'completionMode');
    beforeSave(provider.AuthorizationCode, (code, ctx) => {
      code.completionMode = ctx?.oidc.params.completion_mode;
    });
    beforeSave(
      provider.RefreshToken,
      (_, ctx) => ctx?.state.permit?.refresh_token_allowed !== false,
    );
    provider.use(async (ctx, next) => {
      await next();
      if (ctx.oidc?.route === 'revocation') await this.#revoke(ctx);
      if (ctx.state.relay) Object.assign(ctx, ctx.state.relay);
    });
  }

  // ---- a token is about to be issued -----------------------------------------------------------

  async #askBefore(token, ctx) {
    // One for nothing but the userinfo endpoint is none of our business.
    if (!ctx || !(token.resourceServer || token.rar)) return;
    if (ctx.oidc.route !== 'token') throw new errors.AccessDenied('only the token endpoint asks');
    if (!ctx.state.permit) {
      const approvals = await this.#approvalsOf(ctx, token);
      const asked = { ...this.#request(ctx, token), ...approvals, ...wishesOf(ctx) };
      const answer = await this.#call('POST', '/token-requests', asked);
      const { deferral_code: code, expires_in: expiresIn } = answer.body;
      if (code) await this.#keep(ctx, token, asked, code, expiresIn);
      ctx.state.permit = this.#permitOf(ctx, answer);
      await this.#keepApprovals(token, ctx.state.permit, asked.context);
    }
    narrow(token, ctx.state.permit);
  }

  #request(ctx, token) {
    const { params } = ctx.oidc;
    return {
      client: clientOf(ctx, token),
      grant_type: params.grant_type,
      subject: token.accountId && {
        ...this.#subject(token.accountId),
        properties: ctx.state.act && { act: ctx.state.act },
      },
      authorization_details: token.rar,
      scope: token.scope || undefined,
      resource: token.aud && [token.aud],
      requested_token_type: params.requested_token_type,
      context: this.#context(ctx, token),
    };
  }

  // A refresh rests on the approvals of the grant, and is asked in the context of then.
  async #approvalsOf(ctx, token) {
    if (ctx.oidc.params.grant_type !== 'refresh_token') return {};
    const kept = await this.#models.GrantApprovals.find(token.grantId);
    return kept ? { approvals: kept.approvals, context: kept.context } : {};
  }

  // ---- the client waits ------------------------------------------------------------------------

  // Remember what would have been issued: it is issued when the PDP says so. The code itself is
  // not kept, and only its client finds it again.
  async #keep(ctx, token, { context }, code, expiresIn, more) {
    const { resourceServer: server } = token;
    // Not the authorization code, nor the parameters that it was asked for with.
    const { jti, iat, exp, params, ...source } =
      ctx.oidc.entities.AuthorizationCode ?? ctx.state.source ?? {};
    const kept = new this.#models.Deferral({
      jti: idOf(ctx.oidc.client, code),
      clientId: ctx.oidc.client.clientId,
      token: { ...token },
      server: server && { identifier: server.identifier(), ...server },
      source: source.kind && source,
      context,
      expiresIn: expiresIn + AFTERWARDS,
      ...more,
    });
    await kept.save();
  }

  #find(ctx, code) {
    return this.#models.Deferral.find(idOf(ctx.oidc.client, code));
  }

  async #poll(ctx, grant) {
    const { path, member } = POLLS[grant];
    const code = ctx.oidc.params[member];
    if (!code) throw new errors.InvalidRequest(`missing required parameter(s) ('${member}')`);
    if (ctx.oidc.body.completion_mode !== undefined) {
      throw new errors.InvalidRequest('a poll has no `completion_mode`');
    }
    const proof = await grants.validateDpop(this.#provider, ctx);
    const certificate = grants.checkMtlsCert(this.#provider, ctx);
    grants.checkDpopRequired(this.#provider, ctx, proof);
    const proven = new this.#provider.ClientCredentials();
    if (certificate) proven.setThumbprint('x5t', certificate);
    if (proof) proven.setThumbprint('jkt', proof.thumbprint);

    let answered;
    await this.#turn(ctx, idOf(ctx.oidc.client, code), async () => {
      // Not before the answer has left: until then only the key brings it back.
      if (!answered || !ctx.res.writableFinished) return;
      answered.poll = undefined;
      await answered.save();
    });
    const kept = await this.#find(ctx, code);
    if (!kept) throw this.#relayed(ctx, 400, UNKNOWN);
    if (kept.token.jkt && kept.token.jkt !== proven.jkt) throw new errors.InvalidDpopProof();
    if (kept.token[X5T] && kept.token[X5T] !== proven[X5T]) throw new errors.InvalidGrant();
    await grants.checkDpopReplay(this.#provider, ctx, proof, kept.clientId);
    if (kept.allowed) {
      await this.#issue(ctx, kept);
      return kept.destroy();
    }
    // A poll has a key of its own, written down before the PDP is called. After a crash the
    // repeated poll finds it, and the PDP answers as it did: nothing is lost or given twice.
    kept.poll ??= randomUUID();
    await kept.save();
    const asked = { [member]: code, client: clientOf(ctx, proven) };
    const answer = await this.#call('POST', path, asked, kept.poll);
    answered = kept;
    ctx.state.permit = this.#permitOf(ctx, answer);
    return this.#issue(ctx, kept);
  }

  // One poll of a code after the other: the next begins when the answer to this one has left and
  // `end` is done. That is so in this process; several need a lock in their database.
  async #turn(ctx, id, end) {
    const before = this.#turns.get(id);
    const closed = new Promise((resolve) => {
      ctx.res.once('close', resolve);
    });
    const mine = Promise.all([before, closed])
      .then(end)
      .catch((error) => ctx.app.emit('error', error, ctx))
      .then(() => this.#turns.get(id) === mine && this.#turns.delete(id));
    this.#turns.set(id, mine);
    await before;
  }

  async #issue(ctx, kept) {
    const provider = this.#provider;
    const token = new provider[kept.token.kind](kept.token);
    token.client = ctx.oidc.client;
    if (kept.server) {
      token.resourceServer = new provider.ResourceServer(kept.server.identifier, kept.server);
    }
    await this.#askBefore(token, ctx);
    const source = kept.source && new provider[kept.source.kind](kept.source);
    const parts = source ? await this.#beside(ctx, kept, source, token) : {};
    const accessToken = await token.save();
    ctx.body = grants.buildTokenResponse(provider, {
      accessToken,
      ...parts,
      authorizationDetails: token.rar,
      expiresIn: token.expiration,
      issuedTokenType: ctx.state.permit.issued_token_type,
      scope: token.scope || undefined,
      tokenType: token.tokenType,
    });
  }

  // Consent, person and session may have ended while the client waited.
  async #beside(ctx, kept, source, token) {
    const provider = this.#provider;
    if (source.kind === 'BackchannelAuthenticationRequest') {
      source.grantId = token.grantId = await this.#grantFor(source, token);
    }
    const { grantId, accountId, expiresWithSession, sessionUid } = source;
    const grant = await grants.validateGrant(provider, ctx, grantId).catch(() => undefined);
    const account = await grants.findAccount(provider, ctx, accountId, source);
    const session = !expiresWithSession || (await provider.Session.findByUid(sessionUid));
    if (!grant || !account || !session) throw new errors.AccessDenied();
    ctx.oidc.entity('Grant', grant);
    ctx.oidc.entity('Account', account);
    await this.#keepApprovals(token, ctx.state.permit, kept.context);
    return {
      idToken: await issueIdToken(provider, ctx, source, token, grant),
      refreshToken: await this.#refreshToken(ctx, source, token),
    };
  }

  async #grantFor(source, token) {
    const grant = new this.#provider.Grant({
      accountId: source.accountId,
      clientId: source.clientId,
    });
    grant.addOIDCScope('openid');
    grant.addResourceScope(token.resourceServer.identifier(), token.scope ?? '');
    return grant.save();
  }

  async #refreshToken(ctx, source, token) {
    const provider = this.#provider;
    if (!(await grants.shouldIssueRefreshToken(provider, ctx, source))) return undefined;
    const { kind, ...members } = source;
    const refresh = new provider.RefreshToken({
      ...members,
      resource: token.resourceServer?.identifier() ?? source.resource,
      rar: token.rar,
      client: ctx.oidc.client,
      gty: token.gty,
      rotations: 0,
    });
    await grants.applyRefreshTokenBindings(provider, ctx, token, refresh);
    return refresh.save();
  }

  // A refresh rests on them; they are known to this server alone, and never to its clients.
  async #keepApprovals(token, { approval, approvals = [approval] }, context) {
    if (!token.grantId || !approvals[0]?.id) return;
    const { GrantApprovals } = this.#models;
    const before = await GrantApprovals.find(token.grantId);
    const ids = approvals.map(({ id }) => ({ id }));
    await new GrantApprovals({
      jti: token.grantId,
      approvals: [...ids, ...(before?.approvals ?? [])].slice(0, 100),
      context,
      expiresIn: 366 * 86_400,
    }).save();
  }

  // ---- CIBA, revocation ------------------------------------------------------------------------

  async #askBackchannel(ctx, request) {
    const { client, params } = ctx.oidc;
    const token = new this.#provider.AccessToken({
      accountId: request.accountId,
      client,
      gty: 'ciba',
      rar: params.authorization_details && JSON.parse(params.authorization_details),
    });
    const [server] = Object.values(ctx.oidc.resourceServers);
    if (!server) throw new errors.InvalidTarget();
    token.resourceServer = server;
    const scopes = [...ctx.oidc.requestParamScopes];
    token.scope = scopes.filter((scope) => server.scopes.has(scope)).join(' ') || undefined;
    const person = this.#request(ctx, token);
    const hinted = await this.#find(ctx, params.login_hint ?? '');
    const { status, body } = await this.#call('POST', '/backchannel-requests', {
      ...person,
      grant_type: undefined,
      ...(hinted && { subject: undefined, login_hint: params.login_hint }),
      scope: ['openid', token.scope].filter(Boolean).join(' '),
      binding_message: params.binding_message,
      requested_expiry: params.requested_expiry && Number(params.requested_expiry),
      delivery_mode: client.backchannelTokenDeliveryMode,
      client_notification_token: params.client_notification_token,
      notification_endpoint: client.backchannelClientNotificationEndpoint,
    });
    await request.destroy();
    if (status !== 200) throw this.#relayed(ctx, status, body);
    ctx.state.source = request;
    // Allowed without anybody: it is asked for again when the client comes to fetch it.
    const allowed = body.outcome === 'permit';
    const code = allowed ? randomBytes(32).toString('base64url') : body.auth_req_id;
    if (!code) throw unavailable(new Error('the PDP said nothing'));
    const seconds = allowed ? request.expiration : body.expires_in;
    await this.#keep(ctx, token, person, code, seconds, { allowed });
    ctx.body = allowed ? { auth_req_id: code, expires_in: seconds } : body;
  }

  // Whatever the provider does not know may be a deferral code; the answer is always the same.
  async #revoke(ctx) {
    const known = ['AccessToken', 'ClientCredentials', 'RefreshToken'];
    if (ctx.status !== 200 || known.some((kind) => ctx.oidc.entities[kind])) return;
    const { token, token_type_hint } = ctx.oidc.params;
    try {
      const proof = await grants.validateDpop(this.#provider, ctx);
      await grants.checkDpopReplay(this.#provider, ctx, proof, ctx.oidc.client.clientId);
      const client = clientOf(ctx, { jkt: proof?.thumbprint });
      await this.#call('POST', '/deferrals/revoke', { token, token_type_hint, client });
    } catch (error) {
      this.#relayed(ctx, error.statusCode ?? 500, {
        error: error.error ?? 'server_error',
        error_description: error.error_description,
      });
    }
  }

  // ---- the PDP ---------------------------------------------------------------------------------

  async #call(method, path, body, key) {
    const headers = { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' };
    if (key) headers['idempotency-key'] = key;
    let answer;
    let found;
    try {
      answer = await fetch(`${this.#pdp}/oauth/v1${path}`, {
        method,
        headers,
        body: body && JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(10_000),
      });
      found = await answer.json();
    } catch (cause) {
      throw unavailable(cause);
    }
    const { status } = answer;
    // Everything else is about our own call, and nothing for a client to see.
    const relevant = status === 200 || (status === 400 && found?.error);
    if (found && relevant) return { status, body: found };
    throw unavailable(new Error(`the PDP answered ${status}`));
  }

  // Nothing but a permit is a permit.
  #permitOf(ctx, { status, body }) {
    if (status !== 200) throw this.#relayed(ctx, status, body);
    if (body.outcome !== 'permit') throw unavailable(new Error('the PDP said nothing'));
    return body;
  }

  // The provider's own error has no room for `deferral_code`: the answer is put in its place.
  #relayed(ctx, status, body) {
    ctx.state.relay = { status, body };
    return new errors.CustomOIDCProviderError(body.error, body.error_description);
  }
}

const UNKNOWN = { error: 'invalid_grant', error_description: 'the code is not known' };

function unavailable(cause) {
  const error = new errors.TemporarilyUnavailable(undefined, { cause });
  return Object.assign(error, { status: 503, statusCode: 503, expose: true });
}

function clientOf(ctx, token) {
  const { client } = ctx.oidc;
  return {
    id: client.clientId,
    public: client.clientAuthMethod === 'none',
    jkt: token.jkt,
    [X5T]: token[X5T],
  };
}

// What the client wants of the waiting; parameters that the provider's own grants do not know.
function wishesOf(ctx) {
  const { body, client, entities } = ctx.oidc;
  const { completion_mode, client_notification_token } = body;
  for (const [name, value] of Object.entries({ completion_mode, client_notification_token })) {
    if (Array.isArray(value)) throw new errors.InvalidRequest(`\`${name}\` is given twice`);
  }
  return {
    completion_mode,
    completion_mode_hint: entities.AuthorizationCode?.completionMode,
    client_notification_token,
    notification_endpoint: client.deferred_client_notification_endpoint,
  };
}

// Exactly what was granted, for no longer than it is.
function narrow(token, permit) {
  token.rar = permit.authorization_details;
  token.scope = permit.scope;
  if (permit.expires_in_max === undefined) return;
  if (permit.expires_in_max < 1) throw new errors.AccessDenied();
  token.expiresIn = Math.min(token.expiration, permit.expires_in_max);
}

function idOf(client, code) {
  return createHash('sha256').update(JSON.stringify([client.clientId, code])).digest('base64url');
}

const KEPT = ['token', 'server', 'source', 'context', 'allowed', 'poll'];

// Records of ours, kept by the provider's own adapter.
function modelsOf(provider) {
  class Deferral extends provider.BaseToken {
    static get IN_PAYLOAD() {
      return [...super.IN_PAYLOAD, ...KEPT];
    }
  }
  class GrantApprovals extends provider.BaseToken {
    static get IN_PAYLOAD() {
      return [...super.IN_PAYLOAD, 'approvals', 'context'];
    }
  }
  return { Deferral, GrantApprovals };
}

function addMember(model, name) {
  const members = [...model.IN_PAYLOAD, name];
  Object.defineProperty(model, 'IN_PAYLOAD', { value: members });
}

// Have something done before records of a model are saved; false: it is not saved.
function beforeSave(model, act) {
  const { save } = model.prototype;
  model.prototype.save = async function saveAfter(...args) {
    return (await act(this, Provider.ctx)) === false ? undefined : save.apply(this, args);
  };
}
