/** Of several things that take time, only the newest goes on. */

/** What is no longer wanted, since something newer has begun. */
export class Overtaken extends Error {}

export class Turns {
  #newest = 0;

  /**
   * Begins something: what was begun before ends where it waits.
   *
   * @returns waits for something, and throws `Overtaken` if it is no longer wanted then; `leave` is
   *   called with what comes too late
   */
  begin() {
    const mine = ++this.#newest;
    /** @template Value @param {Value} awaited @param {(late: Awaited<Value>) => void} [leave] */
    return async (awaited, leave) => {
      try {
        const value = await awaited;
        if (mine !== this.#newest) leave?.(value);
        return value;
      } finally {
        // In place of an error, too: it is one of what is no longer wanted.
        if (mine !== this.#newest) throw new Overtaken();
      }
    };
  }
}
