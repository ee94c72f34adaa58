// Preloaded into the node processes of the tests: the same clock as that of `moved_clock.py`.
import { readFileSync } from 'node:fs';

const Real = Date;
const now = () => Real.now() + Number(readFileSync(process.env.TEST_CLOCK, 'utf8')) * 1000;

globalThis.Date = class Date extends Real {
  constructor(...given) {
    super(...(given.length ? given : [now()]));
  }

  static now() {
    return now();
  }
};
