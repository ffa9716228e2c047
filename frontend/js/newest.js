/** Newest request wins: a later call aborts the earlier one, whose promise then stays silent. */

import { isAbort } from "./api.js";

/**
 * @template T
 * @param {(signal: AbortSignal, ...args: any[]) => Promise<T>} task
 * @returns {((...args: any[]) => Promise<T|undefined>) & {cancel: () => void}} undefined for a call that was overtaken
 */
export function newest(task) {
  let controller = new AbortController();
  /** @param {any[]} args */
  const call = async (...args) => {
    controller.abort();
    const mine = (controller = new AbortController());
    try {
      const result = await task(mine.signal, ...args);
      return mine.signal.aborted ? undefined : result;
    } catch (error) {
      if (mine.signal.aborted || isAbort(error)) return undefined;
      throw error;
    }
  };
  call.cancel = () => controller.abort();
  return call;
}
