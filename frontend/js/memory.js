/** What this browser remembers, between visits (`localStorage`) or reloads (`sessionStorage`); nothing where it may not. */

/** @typedef {"localStorage"|"sessionStorage"} Kept */

/** @param {Kept} kept @param {string} key @param {any} otherwise */
export function recall(kept, key, otherwise) {
  try {
    return JSON.parse(globalThis[kept].getItem(`netspace.${key}`) ?? "null") ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Inverse: `recall`. @param {Kept} kept @param {string} key @param {unknown} value */
export function remember(kept, key, value) {
  try {
    globalThis[kept].setItem(`netspace.${key}`, JSON.stringify(value));
  } catch {
    // a browser that keeps nothing still shows everything
  }
}
