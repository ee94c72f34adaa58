// Keeps the provider's records as files, so that they outlive the process. A real server has a
// database: see the adapters named in the documentation of oidc-provider.
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export const filesIn = (folder) =>
  class Files {
    #folder;

    constructor(model) {
      this.#folder = join(folder, model);
    }

    async upsert(id, payload, expiresIn) {
      await this.#write(id, payload, expiresIn ? Date.now() + expiresIn * 1000 : null);
    }

    async find(id) {
      return (await this.#read(this.#file(id)))?.payload;
    }

    async findByUid(uid) {
      return this.#first((payload) => payload.uid === uid);
    }

    async findByUserCode(userCode) {
      return this.#first((payload) => payload.userCode === userCode);
    }

    async consume(id) {
      const found = await this.#read(this.#file(id));
      if (!found) return;
      const consumed = Math.floor(Date.now() / 1000);
      await this.#write(id, { ...found.payload, consumed }, found.until);
    }

    async destroy(id) {
      await rm(this.#file(id), { force: true });
    }

    async revokeByGrantId(grantId) {
      for (const file of await this.#all()) {
        const found = await this.#read(file);
        if (found?.payload.grantId === grantId) await rm(file, { force: true });
      }
    }

    #file(id) {
      return join(this.#folder, `${createHash('sha256').update(id).digest('hex')}.json`);
    }

    async #all() {
      const names = await readdir(this.#folder).catch(() => []);
      return names.filter((name) => name.endsWith('.json')).map((name) => join(this.#folder, name));
    }

    async #first(holds) {
      for (const file of await this.#all()) {
        const found = await this.#read(file);
        if (found && holds(found.payload)) return found.payload;
      }
      return undefined;
    }

    async #read(file) {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text === undefined) return undefined;
      const found = JSON.parse(text);
      if (found.until === null || Date.now() < found.until) return found;
      await rm(file, { force: true });
      return undefined;
    }

    // A reader sees the old record or the new one, and a crash leaves one of them.
    async #write(id, payload, until) {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const file = this.#file(id);
      const fresh = `${file}.${randomUUID()}.new`;
      await writeFile(fresh, JSON.stringify({ payload, until }), { mode: 0o600 });
      await rename(fresh, file);
    }
  };
