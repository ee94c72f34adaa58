// oidc-provider 9 is written for Node.js 22. This is all of it that Node.js 20 lacks.
URL.parse ??= (text, base) => (URL.canParse(text, base) ? new URL(text, base) : null);
