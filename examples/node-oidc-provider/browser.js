// A person at a browser, as far as the pages of this example need one: signs in and consents.
export class Browser {
  #cookies = new Map();

  // Follow a link until it leads to `end`; the address that it led to.
  async visit(url, person, end) {
    let next = new URL(url);
    for (let steps = 0; steps < 20; steps += 1) {
      if (next.href.startsWith(end)) return next.href;
      const answer = await this.#fetch(next);
      const page = await answer.text();
      const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1];
      if (prompt) {
        const form = new URLSearchParams({ prompt, login: person, password: '-' });
        next = locationOf(await this.#fetch(next, { method: 'POST', body: form }), next);
      } else {
        next = locationOf(answer, next);
      }
      if (!next) throw new Error(`no way on from here: ${page}`);
    }
    throw new Error('led in a circle');
  }

  async #fetch(url, options = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const headers = { cookie, accept: 'text/html' };
    const answer = await fetch(url, { ...options, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      this.#cookies.set(name, value);
    }
    return answer;
  }
}

function locationOf(answer, base) {
  const location = answer.headers.get('location');
  return location && new URL(location, base);
}
